"""Examples as the batches of an epoch: their order, and what is changed in them.

In: `Examples`.
Out: batches of letters and targets.
"""
