"""Trains networks: reads the configuration of a run and writes a run folder.

In: a `RunConfig`.
Out: a run folder with the model, metrics, plots and a model card.
"""
