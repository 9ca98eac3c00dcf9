"""Confidence of predictions: prediction intervals, percentiles and familiarity of sequences.

In: validation errors and training sequences, from training or `dreamkeras calibrate`.
Out: the calibration in the model file, and additional columns next to predictions.
"""
