"""Performs the steps at the end of an epoch: validation, history, choice of the epoch to save, and checkpoint.

In: the network and its validation examples.
Out: a history, and the weights of the saved epoch.
"""
