"""Rewrites of ONNX graphs that make them faster or smaller without changing the predictions beyond rounding.

In: an ONNX graph.
Out: an ONNX graph.
"""
