"""What several blocks are made of: convolutions, attention, LSTM, dropout, initial weights; each in its backend's fastest form.

In: features.
Out: features.
"""
