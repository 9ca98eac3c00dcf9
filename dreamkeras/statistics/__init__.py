"""Figures: correlations, bootstrap intervals, noise ceilings. NumPy only.

In: measured and predicted values.
Out: numbers, NaN where a figure is undefined.
"""
