"""Training strategies of the teams, with their optimisers, schedules and losses.

In: the configuration of a run.
Out: a `Plan` without open choices.
"""
