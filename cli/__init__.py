"""The `dreamkeras` command."""
