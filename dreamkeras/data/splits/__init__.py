"""Splits the data into training and validation sets.

Similar sequences are in the same set, unless such a hold-out would not represent the data.

Input: `Examples`.
Output: training and validation examples, and a record of the hold-out. For data sets that are already separate, the number of sequences
that they share.
"""
