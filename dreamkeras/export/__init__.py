"""Exports trained Keras models to self-contained ONNX files."""

from dreamkeras.export.ensemble import export_ensemble
from dreamkeras.export.onnx_file import export_onnx

__all__ = ["export_ensemble", "export_onnx"]
