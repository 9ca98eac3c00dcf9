"""The server: exported models behind HTTP and gRPC. Never Keras."""
