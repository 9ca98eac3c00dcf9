"""Draws plots as PNG files. matplotlib is imported when the first plot is drawn.

In: metrics and predictions.
Out: PNG files.
"""
