"""Predictions of exported models with ONNX Runtime, for all commands and analyses. Does not import Keras.

In: `.onnx` files or run folders, and windows.
Out: predictions, float32 `(n, tasks)`, one batch at a time, in bounded memory.
"""
