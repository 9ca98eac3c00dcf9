"""Writes the files of a run folder.

In: a trained network and its history.
Out: the files of a run folder.
"""
