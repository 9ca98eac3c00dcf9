"""Measured sequences: how each assay's files are read, split, simulated and downloaded.

In: files.
Out: `Examples`: windows with their measured values.
"""
