"""Blocks that fill the slots, one module for each team or paper. `heads` and `profile` have the final blocks that several networks share.

In: features `(batch, length, channels)`.
Out: features `(batch, length, channels)`, or predictions.
"""
