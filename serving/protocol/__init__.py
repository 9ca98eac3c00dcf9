"""Encodes and decodes protocol messages with pure functions.

In: bytes, JSON or gRPC messages; predictions.
Out: decoded requests; answers as bytes or gRPC messages.
"""
