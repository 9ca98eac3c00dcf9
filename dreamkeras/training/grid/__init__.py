"""Grids of runs, ranked on a leaderboard.

In: a grid in TOML.
Out: a run folder for each combination, and a leaderboard.
"""
