"""Blocks that fill the slots of a network, with one module for each team or paper.

The modules `heads` and `profile` contain final blocks that several networks share.

In: features `(batch, length, channels)`.
Out: features `(batch, length, channels)` or, for a final block, a dictionary of predictions.
"""
