"""The published data sets and weights, downloaded and checked.

In: the name of a data set.
Out: its files, each with the right checksum.
"""
