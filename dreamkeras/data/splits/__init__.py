"""Splits the data into training and validation sets, such that no sequence is a near-duplicate of a sequence in the other set.

Input: `Examples`.
Output: training and validation examples that share no sequence. For data sets that are already separate, the number of sequences that
they share.
"""
