"""Estimates the confidence of predictions: prediction intervals, percentiles, and similarity to the training sequences.

In: validation errors and training sequences, from training or `dreamkeras calibrate`.
Out: the calibration in the model file, and additional columns next to predictions.
"""
