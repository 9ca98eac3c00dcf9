"""Makes the batches of an epoch by ordering and augmenting the examples.

In: `Examples`.
Out: batches of windows and targets.
"""
