"""DNA sequences as NumPy arrays: alphabet, constructs, and batches of records.

Input: sequences of different lengths, one byte per base.
Output: windows, uint8 `(n, length)`, the input of models.
"""
