"""How well models predict measurements.

In: `Examples`, and models or their predictions.
Out: figures with intervals, plots and a page.
"""
