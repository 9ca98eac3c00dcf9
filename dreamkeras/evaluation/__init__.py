"""Evaluates models against measurements.

In: `Examples`, and models or their predictions.
Out: metrics with confidence intervals, plots and an HTML report.
"""
