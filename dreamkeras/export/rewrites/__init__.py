"""Rewrites ONNX graphs to make them faster or smaller.

Except for the conversions to int8 and float16, rewrites change predictions only by rounding errors.

In: an ONNX graph.
Out: an ONNX graph.
"""
