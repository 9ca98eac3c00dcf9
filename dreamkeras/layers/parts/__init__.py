"""Layers that several blocks share: convolutions, attention, LSTM, dropout and initialisers, optimised for each backend.

In: features.
Out: features.
"""
