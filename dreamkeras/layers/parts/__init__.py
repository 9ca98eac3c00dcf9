"""Layers that several blocks share: convolutions, attention, LSTM, dropout and initialisers, each in the fastest form for every backend.

In: features.
Out: features.
"""
