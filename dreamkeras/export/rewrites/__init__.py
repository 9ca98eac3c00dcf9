"""Rewrites ONNX graphs to make them faster or smaller. Except for int8 and float16, predictions change only by rounding errors.

In: an ONNX graph.
Out: an ONNX graph.
"""
