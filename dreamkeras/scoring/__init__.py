"""Predicts with exported models and ONNX Runtime, for all commands and analyses. The package does not import Keras.

In: models (`.onnx` files or run folders), and windows of DNA.
Out: predictions as arrays, float32 `(n, tasks)`. Only a few batches are in memory at a time.
"""
