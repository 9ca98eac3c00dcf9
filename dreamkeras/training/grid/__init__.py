"""Executes the runs of a grid, and ranks combinations of options on a leaderboard.

In: a grid in TOML.
Out: a folder for each run, and a leaderboard.
"""
