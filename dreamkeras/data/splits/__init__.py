"""Splits of the data into training and validation sets, without near-duplicates between the two.

Input: `Examples`.
Output: training and validation examples that share no sequence, and the number of sequences that two sets share.
"""
