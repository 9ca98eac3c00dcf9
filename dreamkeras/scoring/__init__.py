"""Exported models to predictions. onnxruntime, never Keras."""
