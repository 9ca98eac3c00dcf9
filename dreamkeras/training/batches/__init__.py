"""Batches of an epoch: order and augmentation of the examples.

In: `Examples`.
Out: batches of letters and targets.
"""
