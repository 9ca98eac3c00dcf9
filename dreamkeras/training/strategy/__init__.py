"""Defines the training strategies of the teams in the DREAM challenge, with their optimisers, schedules and losses.

In: the configuration of a run.
Out: a `Plan`, in which every option has a value.
"""
