"""The blocks that fill the slots. One team or paper a module; final blocks that several share in `heads` and `profile`.

In: features `(batch, length, channels)`.
Out: the same, or predictions.
"""
