"""Sequences that a model predicts to express as wanted.

In: a goal, constraints and sequences to begin with.
Out: designs with their predictions.
"""
