"""DNA as arrays: letters, constructs, batches of records. NumPy only.

In: texts of different lengths, one byte a base.
Out: windows, uint8 `(n, length)`, as models take them.
"""
