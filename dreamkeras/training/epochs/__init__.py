"""What happens at the end of an epoch: validation, history, the choice of the best epoch, the checkpoint.

In: the network and its validation examples.
Out: a history, and the weights of the best epoch.
"""
