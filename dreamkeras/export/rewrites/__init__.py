"""ONNX graphs made faster or smaller, with the same answers.

In: an ONNX graph.
Out: an ONNX graph.
"""
