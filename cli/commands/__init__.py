"""One command a module. Each is imported only when it runs."""
