"""Options that several commands share. The modules of this package import only click, because shell completion imports them."""
