"""Metrics: correlations, bootstrap intervals and noise ceilings. Uses NumPy only.

In: measured and predicted values.
Out: numbers, with NaN for undefined metrics.
"""
