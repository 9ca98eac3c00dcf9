"""Options that several commands share. They import click only, until they are used, because shell completion imports them."""
