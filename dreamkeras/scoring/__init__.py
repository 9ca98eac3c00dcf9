"""Exported models on ONNX Runtime, and what every analysis needs of them. Never Keras.

In: `.onnx` files or run folders, and windows.
Out: predictions float32 `(n, tasks)`, batch by batch, in bounded memory.
"""
