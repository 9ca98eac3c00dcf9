"""Performs the steps at the end of an epoch: validation, history, choice of the best epoch, and checkpoint.

In: the network and its validation examples.
Out: a history, and the weights of the best epoch.
"""
