"""Design of sequences with a desired prediction.

In: a goal, constraints and start sequences.
Out: designs with their predictions.
"""
