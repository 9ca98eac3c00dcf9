"""Represents DNA sequences as NumPy arrays: the alphabet, constructs, and batches of records.

Input: sequences of different lengths, one byte per base.
Output: windows, uint8 `(n, length)`, which are the input of models.
"""
