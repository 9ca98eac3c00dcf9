"""Assays: the construct, units and file layout of each experiment type, with one module per assay.

Input: the files of an assay, or a user's own table.
Output: `Examples`.
"""
