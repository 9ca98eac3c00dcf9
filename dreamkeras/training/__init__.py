"""Trains networks, from the configuration of a run to its run folder.

In: a `RunConfig`.
Out: a run folder with the model, metrics, plots and a model card.
"""
