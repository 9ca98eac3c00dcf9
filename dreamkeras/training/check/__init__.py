"""Checks that a block fulfils the contract of its slot on every installed backend.

In: a block.
Out: a report.
"""
