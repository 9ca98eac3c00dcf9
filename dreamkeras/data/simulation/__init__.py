"""Promoter libraries whose true expression is known.

In: a number of promoters and a seed.
Out: a library in the layout of the yeast data, and the truth behind it.
"""
