"""Assays: each experiment type has a module that defines its construct, units and file layout.

Input: data files with the columns that an assay defines, files of peaks, or a user's own table.
Output: `Examples`.
"""
