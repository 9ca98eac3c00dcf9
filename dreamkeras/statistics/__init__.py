"""Computes metrics: correlations, bootstrap intervals and noise ceilings. The only dependency is NumPy.

In: measured and predicted values.
Out: numbers, with NaN for undefined metrics.
"""
