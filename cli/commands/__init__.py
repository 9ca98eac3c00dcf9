"""The commands of `dreamkeras`, each in a separate module. Each module is imported only when its command runs."""
