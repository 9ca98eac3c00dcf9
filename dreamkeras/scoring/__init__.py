"""Predicts with exported models and ONNX Runtime, for all commands and analyses. The package does not import Keras.

In: `.onnx` files or run folders, and windows.
Out: predictions, float32 `(n, tasks)`, one batch at a time, in bounded memory.
"""
