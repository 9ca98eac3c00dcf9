"""Encoding and decoding of protocol messages, as pure functions.

In: bytes, JSON or gRPC messages; predictions.
Out: decoded requests; answers as bytes or gRPC messages.
"""
