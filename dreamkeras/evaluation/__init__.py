"""Evaluates models against measurements.

In: sequences with measurements (`Examples`), and either models or predictions.
Out: metrics with confidence intervals, plots and an HTML report.
"""
