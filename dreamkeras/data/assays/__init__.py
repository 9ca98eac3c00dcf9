"""Assays: what was measured, and how its files are read. One assay a module.

In: the files of an assay, or a user's own table.
Out: `Examples`.
"""
