"""HTTP and gRPC server for exported models. Does not import Keras."""
