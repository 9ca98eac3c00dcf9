"""Executes grids of runs and ranks the runs on a leaderboard.

In: a grid in TOML.
Out: a run folder for each combination, and a leaderboard.
"""
