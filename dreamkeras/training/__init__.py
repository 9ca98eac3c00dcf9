"""Training runs, from a configuration to a run folder.

In: a `RunConfig`.
Out: a run folder with the model, metrics, plots and a model card.
"""
