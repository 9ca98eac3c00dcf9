"""Defines the training strategies of the teams, with their optimisers, schedules and losses.

In: the configuration of a run.
Out: a `Plan`, in which all defaults are replaced by values.
"""
