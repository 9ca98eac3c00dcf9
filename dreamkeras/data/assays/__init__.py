"""Assays: each experiment type has a module that defines its construct, units and file layout.

Input: files in the layout of an assay, or a user's own table.
Output: `Examples`.
"""
