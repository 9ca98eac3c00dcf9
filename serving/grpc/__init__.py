"""gRPC: the same service with other bytes.

In: gRPC messages.
Out: gRPC messages.
"""
