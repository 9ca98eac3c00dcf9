"""Predicts with exported models in ONNX Runtime. All commands and analyses use this package.

The package does not import Keras.

In: models (`.onnx` files or run folders), and windows of DNA.
Out: predictions as arrays, float32 `(n, tasks)`. Only a few batches are in memory at a time.
"""
