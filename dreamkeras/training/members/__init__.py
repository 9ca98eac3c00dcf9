"""Trains several runs that belong together, such as the seeds of an ensemble or the folds of a cross-validation.

In: configurations of runs.
Out: a run folder for each configuration.
"""
