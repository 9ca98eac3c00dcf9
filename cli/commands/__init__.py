"""The commands of `dreamkeras`, one module each. A module is imported only when its command runs."""
