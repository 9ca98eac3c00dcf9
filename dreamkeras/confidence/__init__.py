"""How far a prediction can be trusted: intervals, percentiles, familiarity.

In: validation errors and training sequences, as `calibrate` measures them.
Out: the calibration in a model's file, and columns beside its predictions.
"""
