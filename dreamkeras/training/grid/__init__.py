"""Many runs, ranked.

In: a grid in TOML.
Out: a run folder for each combination, and a leaderboard.
"""
