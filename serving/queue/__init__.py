"""Whose rows are scored next, and how many may wait.

In: windows of many requests.
Out: their predictions.
"""
