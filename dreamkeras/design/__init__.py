"""Designs sequences for which a model predicts a desired value.

In: a goal, constraints and start sequences.
Out: designs with their predictions.
"""
