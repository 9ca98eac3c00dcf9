"""Plots as PNG files. Imports matplotlib when one is drawn.

In: figures and predictions.
Out: PNG files.
"""
