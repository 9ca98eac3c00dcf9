"""What a run leaves behind.

In: a trained network and its history.
Out: the files of a run folder.
"""
