"""Trained Keras models as self-contained ONNX files."""

from dreamkeras.export.ensemble import export_ensemble
from dreamkeras.export.onnx_file import PRECISIONS, STRANDS, export_onnx

__all__ = ["PRECISIONS", "STRANDS", "export_ensemble", "export_onnx"]
