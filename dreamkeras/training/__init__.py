"""Training runs: from data and choices to a run folder.

In: a `RunConfig`.
Out: a run folder: model, figures, plots, model card.
"""
