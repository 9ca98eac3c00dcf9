"""A float32 ONNX model as one that stores and computes in float16; inputs and outputs stay as they are."""

import warnings
from typing import Any

from dreamkeras.scoring.session import import_onnxruntime

__all__ = ["to_half_precision"]


def to_half_precision(model: Any) -> Any:
    """The model in float16, about half the size.

    ONNX Runtime computes in float16 on GPUs; on CPUs it converts back to float32 and gains nothing but the size.

    Args:
        model: An `onnx.ModelProto`; stays as it is.
    """
    convert_float_to_float16 = import_onnxruntime("transformers.float16").convert_float_to_float16
    copy = type(model).FromString(model.SerializeToString())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of each weight too small for float16; the parity report tells what that costs
        return convert_float_to_float16(copy, keep_io_types=True)
