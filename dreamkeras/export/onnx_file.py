"""export_onnx: a trained model as one ONNX file that takes letters and returns expression, or counts and a profile."""

import contextlib
import dataclasses
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.confidence.run_file import familiarity_alone, read_calibration
from dreamkeras.errors import ModelError
from dreamkeras.export.keras_settings import keras_backend
from dreamkeras.export.parity import LEAST_R, Parity, compare, parity_letters, parity_sequences, require_parity
from dreamkeras.export.rewrites.channels_first import keep_channels_first
from dreamkeras.export.rewrites.folding import fold_into_convolutions
from dreamkeras.export.rewrites.half_precision import to_half_precision
from dreamkeras.export.rewrites.quantization import CALIBRATION, to_int8
from dreamkeras.export.traced import Traced
from dreamkeras.export.tracing_process import require_packages, trace_with_tensorflow
from dreamkeras.export.training_summary import read_training_summary
from dreamkeras.files.inputs import require_file
from dreamkeras.files.outputs import open_output
from dreamkeras.models.names import EXPORT_PRECISIONS, STRAND_RULES
from dreamkeras.scoring.predictor import OnnxPredictor, load
from dreamkeras.sequence.description import METADATA_KEY, ModelDescription

__all__ = ["check_choices", "check_graph", "default_output", "export_onnx", "file_bytes", "find_model", "opened"]


def export_onnx(
    model: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    training: dict[str, Any] | None = None,
    precision: str = "float32",
    strands: str | None = None,
    without_bias: bool = False,
    least_r: float = LEAST_R,
    most_difference: float | None = None,
    reference: Callable[[np.ndarray], np.ndarray] | None = None,
    calibration: Callable[[OnnxPredictor], dict[str, Any]] | None = None,
) -> ModelDescription:
    """Writes a trained model as a self-contained ONNX file, once it is shown to predict what the Keras model does.

    Input `letters` uint8 [batch, length], output `expression` float32 [batch, tasks]; strands, flags and all else are inside.
    A network with a profile has the outputs `counts` float32 [batch, 1], ln(1 + reads), and `profile` float32 [batch, positions], the
    share of the reads that begin at each position, in their place. The file appears whole or not at all.

    Args:
        model: A run folder that holds `model.keras`, or a `.keras` file; saved under any backend.
        output: The file to write; by default `default_output`.
        training: Summary of the training run for the description; by default what the run folder tells.
        precision: `"float32"`; `"float16"`, which halves the file; or `"int8"`, in which dense convolutions are faster on CPUs.
        strands: `"both"` for the mean of both strands, `"forward"` for the strand as given; by default the construct's rule.
        without_bias: Whether the enzyme's bias that the model was trained around is left out: what it then answers is what the sequence
            does beside it.
        least_r: The correlation with the Keras model, over sequences that no scale was measured on, that an int8 model must reach.
        most_difference: The largest difference from the Keras model that is accepted, in standard deviations of its predictions; by
            default that of `parity.DIFFERENCES`.
        reference: The Keras model's predictions on the caller's own backend, from windows uint8 (n, length) to the columns of
            `PrixFixe.predictor`, computed in float32 and for the same strands. By default, the model as TensorFlow predicts it.
        calibration: Measures the exported model's calibration. By default that of the run folder, and of
            a model with other strands or without its bias no more than what its training sequences span.

    Returns:
        What the file says of itself; `parity` holds the fields of `parity.Parity`.

    Raises:
        ModelError: The model is not ours or cannot be exported, or the export differs from it.
        MissingPackageError: Keras, TensorFlow, tf2onnx, onnx or onnxruntime is not installed.
        DreamkerasError: The file cannot be written.

    Example:
        `export_onnx("runs/yeast").parity["largest_difference"]`
    """
    check_choices(precision, strands)
    file = find_model(Path(model))
    require_packages()
    run = file.parent if file.name == "model.keras" else None
    if training is None:
        training = read_training_summary(run) if run else {}
    with open_output(str(output or default_output(model))) as stream:  # first, so that a folder that cannot be written fails at once
        traced = trace_with_tensorflow(file, strands, without_bias)
        graph = _finished_graph(traced, precision)
        trained_on = {"backend": training["backend"]} if training.get("backend") else {}
        versions = {**traced.description.versions, **trained_on}
        description = dataclasses.replace(traced.description, training=training, versions=versions)
        with opened(graph, description) as predictor:
            parity = _measure(predictor, traced, precision, reference)
            require_parity(parity, least_r, most_difference)
            held = calibration(predictor) if calibration else read_calibration(run, description.tasks) if run else {}
        answers_alike = strands is None and not without_bias and (precision != "int8" or parity.r is None or parity.r >= LEAST_R)
        description = dataclasses.replace(
            description, parity=parity._asdict(), calibration=held if answers_alike else familiarity_alone(held)
        )
        stream.write(file_bytes(graph, description))
    return description


def default_output(model: str | os.PathLike[str]) -> Path:
    """Where the export of a model goes: `model.onnx` in a run folder, `NAME.onnx` beside `NAME.keras`."""
    path = Path(model)
    return path / "model.onnx" if path.is_dir() else path.with_suffix(".onnx")


def check_choices(precision: str, strands: str | None) -> None:
    """Refuses what is neither of `EXPORT_PRECISIONS` nor of `STRAND_RULES`; no strands are the construct's own."""
    for name, value, allowed in (("precision", precision, EXPORT_PRECISIONS), ("strands", strands or "both", STRAND_RULES)):
        if value not in allowed:
            raise ModelError(f"Expected {name} to be one of {', '.join(allowed)}, got {value!r}.")


def find_model(path: Path) -> Path:
    """The `.keras` file of a run folder, or the file itself.

    Raises:
        ModelError: There is none.
    """
    require_file(path, "a model must be a seekable file")
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        wanted = "a run folder that holds model.keras" if path.is_dir() else "a run folder or a .keras file"
        raise ModelError(f"Expected {wanted}, got {path}{'' if path.is_dir() else ', which does not exist'}.")
    if file.suffix == ".onnx":
        raise ModelError(f"Expected the Keras model, a run folder or a .keras file, got {path}, which has been exported.")
    return file


def _finished_graph(traced: Traced, precision: str) -> Any:
    """The ONNX model, simplified, in its precision, named and checked."""
    import onnx

    name = traced.description.name
    model = fold_into_convolutions(keep_channels_first(onnx.load_model_from_string(traced.graph)))
    if precision == "float16":
        model = to_half_precision(model)
    if precision == "int8":  # its scales are measured on other sequences than those that the report compares
        model = to_int8(model, parity_letters(traced.description.construct, CALIBRATION, seed=1))
    model.graph.name = name
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    check_graph(model, name)
    return model


def check_graph(model: Any, name: str) -> None:
    """Refuses a graph that is not valid, or has other inputs than letters.

    Raises:
        ModelError: It is one; the message holds the checker's reason.
    """
    import onnx

    inputs = [tensor.name for tensor in model.graph.input]
    if inputs != ["letters"]:
        raise ModelError(f"Expected {name} to become a graph with the one input letters, got {inputs}: a block holds tensors of its own.")
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"Expected {name} to become a valid ONNX graph, got one that the checker refuses: {reason}") from None


@contextlib.contextmanager
def opened(graph: Any, description: ModelDescription) -> Iterator[OnnxPredictor]:
    """The graph by way of the predictor that everybody scores with."""
    with tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder:
        file = Path(folder) / "model.onnx"
        file.write_bytes(file_bytes(graph, description))
        yield load(file, device="cpu")


def _measure(predictor: OnnxPredictor, traced: Traced, precision: str, reference: Any) -> Parity:
    letters, exported = parity_letters(predictor.construct), predictor.predict(parity_sequences(predictor.construct))
    if predictor.description.profile:
        exported = np.concatenate([exported, predictor.score_profiles(letters)], axis=1)
    tasks = len(predictor.tasks)
    if reference is None:
        return compare(traced.predicted, exported, "tensorflow", precision, tasks)
    return compare(reference(letters), exported, keras_backend() or "unknown", precision, tasks)


def file_bytes(graph: Any, description: ModelDescription) -> bytes:
    """A graph with its description, as a file holds them."""
    from onnx import helper

    helper.set_model_props(graph, {METADATA_KEY: description.to_json()})
    content: bytes = graph.SerializeToString()
    return content
