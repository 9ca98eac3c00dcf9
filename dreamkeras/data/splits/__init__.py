"""Which sequences are alike, and which of them are held out.

In: `Examples`.
Out: training and validation examples that share no sequence, and counts of what two sets share.
"""
