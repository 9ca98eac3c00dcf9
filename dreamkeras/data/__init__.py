"""Assays: measured or simulated sequences to examples. numpy only."""
