"""Prix Fixe networks: blocks put together under the names of the paper."""
