"""The inference protocols as pure functions.

In: bytes, JSON or gRPC messages.
Out: requests; and answers as bytes.
"""
