"""Downloads published data sets and weights, and verifies their checksums.

Input: the name of a data set.
Output: the files of the data set, with verified checksums.
"""
