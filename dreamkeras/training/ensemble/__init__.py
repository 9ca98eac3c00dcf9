"""Trains several seeds as one model.

In: the configuration that all runs share.
Out: a folder with a run folder for each seed, and the files of a run folder for the mean of the seeds.
"""
