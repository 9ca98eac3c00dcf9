"""Options that several commands share. These modules import only click, because shell completion imports them."""
