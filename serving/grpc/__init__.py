"""gRPC server for the same service as HTTP.

In: gRPC requests.
Out: gRPC responses.
"""
