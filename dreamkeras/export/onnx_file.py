"""export_onnx: writes a trained model as an ONNX file that predicts expression, or counts and a profile, from letters."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.confidence.run_file import familiarity_alone, read_calibration
from dreamkeras.errors import ModelError, one_line
from dreamkeras.export.keras_settings import keras_backend
from dreamkeras.export.parity import LEAST_R, SEQUENCES, Parity, compare, parity_letters, parity_sequences, require_parity
from dreamkeras.export.rewrites.channels_first import keep_channels_first
from dreamkeras.export.rewrites.folding import fold_into_convolutions
from dreamkeras.export.rewrites.half_precision import to_half_precision
from dreamkeras.export.rewrites.quantization import CALIBRATION, to_int8
from dreamkeras.export.traced import Traced
from dreamkeras.export.tracing_process import require_packages, trace_with_tensorflow
from dreamkeras.export.training_summary import read_training_summary
from dreamkeras.files.decompression import require_file_kind
from dreamkeras.files.inputs import require_file
from dreamkeras.files.kinds import KERAS
from dreamkeras.files.outputs import open_output
from dreamkeras.files.temporary import temporary_folder
from dreamkeras.models.names import EXPORT_PRECISIONS, STRAND_RULES
from dreamkeras.scoring.model_file import runs_within
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
    sequences: int = SEQUENCES,
    reference: Callable[[np.ndarray], np.ndarray] | None = None,
    calibration: Callable[[OnnxPredictor], dict[str, Any]] | None = None,
) -> ModelDescription:
    """Writes a trained model as a self-contained ONNX file and checks its predictions against those of the Keras model.

    The file has the input `letters` uint8 [batch, length] and the output `expression` float32 [batch, tasks]. The graph encodes the
    letters, adds the construct's flag channels, and averages over the strands if the strand rule requires it. A network with a profile has
    the outputs `counts` and `profile` instead of `expression`. The output `counts` float32 [batch, 1] is ln(1 + reads). The output
    `profile` float32 [batch, positions] is the fraction of the reads that start at each position. The file is written completely or not at
    all.

    Args:
        model: A run folder with `model.keras`, or a `.keras` file, saved with any backend.
        output: The file to write. Defaults to `default_output(model)`.
        training: Summary of the training run, which is stored in the description. Defaults to the summary read from the run folder.
        precision: `"float32"`, `"float16"` or `"int8"`. With `"float16"`, the file has half the size of a float32 file. With `"int8"`,
            dense convolutions are faster on CPUs.
        strands: `"both"` averages the predictions over both strands, and `"forward"` predicts only for the strand as given. Defaults to the
            construct's strand rule.
        without_bias: Whether to remove the enzyme's bias, so that the exported model predicts the signal without the bias.
        least_r: Minimum correlation between the predictions of an int8 model and the Keras model. The correlation is measured on sequences
            that were not used to determine the scales of the int8 model.
        most_difference: Maximum accepted difference from the Keras model, in standard deviations of its predictions. Defaults to the value
            for the precision in `parity.DIFFERENCES`.
        sequences: Number of sequences for which the predictions of the two models are compared.
        reference: Function that computes the predictions of the Keras model for windows, uint8 (n, length), on the caller's backend. The
            function must return the columns of `PrixFixe.predictor`, computed in float32 and with the same strand rule. If None, TensorFlow
            computes the predictions.
        calibration: Function that returns a calibration of the exported model. Defaults to the calibration in the run folder. If the export
            changes the predictions, only the familiarity is stored in the file: with `strands`, with `without_bias`, or if the correlation
            of an int8 model is below `parity.LEAST_R`.

    Returns:
        The description of the file. The attribute `parity` of the description has the fields of `parity.Parity`.

    Raises:
        ModelError: The model was not saved by dreamkeras, cannot be exported, or the predictions of the ONNX file differ from those of the
            Keras model.
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
    with open_output(str(output or default_output(model))) as stream:  # an unwritable output raises an error before the export
        traced = trace_with_tensorflow(file, strands, without_bias, 0 if reference else sequences)
        graph = _finished_graph(traced, precision)
        trained_on = {"backend": training["backend"]} if training.get("backend") else {}
        versions = {**traced.description.versions, **trained_on}
        description = dataclasses.replace(traced.description, training=training, versions=versions)
        with opened(graph, description) as predictor:
            parity = _measure(predictor, traced, precision, sequences, reference)
            require_parity(parity, least_r, most_difference)
            held = calibration(predictor) if calibration else read_calibration(run, description.tasks, description.scales) if run else {}
        answers_alike = strands is None and not without_bias and (precision != "int8" or parity.r is None or parity.r >= LEAST_R)
        description = dataclasses.replace(
            description, parity=parity._asdict(), calibration=held if answers_alike else familiarity_alone(held)
        )
        stream.write(file_bytes(graph, description))
    return description


def default_output(model: str | os.PathLike[str]) -> Path:
    """Returns the default path of an export: `model.onnx` in a run folder, or `NAME.onnx` next to `NAME.keras`."""
    path = Path(model)
    return path / "model.onnx" if path.is_dir() else path.with_suffix(".onnx")


def check_choices(precision: str, strands: str | None) -> None:
    """Checks that the precision is in `EXPORT_PRECISIONS`, and that `strands` is None or a key of `STRAND_RULES`.

    Raises:
        ModelError: The value of `precision` or `strands` is unknown.
    """
    for name, value, allowed in (("precision", precision, EXPORT_PRECISIONS), ("strands", strands or "both", STRAND_RULES)):
        if value not in allowed:
            raise ModelError(f"Expected {name} to be one of {', '.join(allowed)}, got {value!r}.")


def find_model(path: Path) -> Path:
    """Returns the `.keras` file of a run folder, or the path itself if it is a file.

    Raises:
        ModelError: The file does not exist, or is not a Keras model in the `.keras` format.
    """
    require_file(path, "a model must be a seekable file")
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        wanted = "a run folder that contains model.keras" if path.is_dir() else "a run folder or a .keras file"
        raise ModelError(f"Expected {wanted}, got '{path}'{runs_within(path) if path.is_dir() else ', which does not exist'}.")
    if file.suffix == ".onnx":
        raise ModelError(f"Expected a run folder or a .keras file, got {path}, which is an exported model.")
    others = ("a zip archive",) if file.suffix == ".keras" else ()  # the parts of a Keras model may have another order
    require_file_kind(str(file), KERAS._replace(accepted=(*KERAS.accepted, *others)), ModelError)
    if file.suffix != ".keras":
        raise ModelError(f"Expected a file name that ends with .keras, got {path}. Rename the file.")
    return file


def _finished_graph(traced: Traced, precision: str) -> Any:
    """Simplifies the traced ONNX model, converts it to the given precision, sets its name, checks it and returns it."""
    import onnx

    name = traced.description.name
    model = fold_into_convolutions(keep_channels_first(onnx.load_model_from_string(traced.graph)))
    if precision == "float16":
        model = to_half_precision(model)
    if precision == "int8":  # the quantisation scales and the parity report are computed from different sequences
        model = to_int8(model, parity_letters(traced.description.construct, CALIBRATION, seed=1))
    model.graph.name = name
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    check_graph(model, name)
    return model


def check_graph(model: Any, name: str) -> None:
    """Checks that a graph is valid ONNX and that `letters` is its only input.

    Raises:
        ModelError: The graph is not valid or has other inputs. The message contains the reason from the ONNX checker.
    """
    import onnx

    inputs = [tensor.name for tensor in model.graph.input]
    if inputs != ["letters"]:
        raise ModelError(
            f"Expected letters as the only input of the exported graph of {name}, got {inputs}: a block creates tensors outside call()."
        )
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ModelError(f"The exported graph of {name} is not valid ONNX: {one_line(error)}") from None


@contextlib.contextmanager
def opened(graph: Any, description: ModelDescription) -> Iterator[OnnxPredictor]:
    """Context manager that loads a graph as an `OnnxPredictor`."""
    with temporary_folder() as folder:
        file = folder / "model.onnx"
        file.write_bytes(file_bytes(graph, description))
        yield load(file, device="cpu")


def _measure(predictor: OnnxPredictor, traced: Traced, precision: str, sequences: int, reference: Any) -> Parity:
    letters = parity_letters(predictor.construct, sequences)
    predicted = reference(letters) if reference else traced.predicted
    exported = predictor.predict(parity_sequences(predictor.construct, sequences))
    if predictor.description.profile:
        exported = np.concatenate([exported, predictor.score_profiles(letters)], axis=1)
    backend = (keras_backend() or "unknown") if reference else "tensorflow"
    return compare(predicted, exported, backend, precision, len(predictor.tasks))


def file_bytes(graph: Any, description: ModelDescription) -> bytes:
    """Serialises a graph with its description as the contents of an ONNX file."""
    from onnx import helper

    helper.set_model_props(graph, {METADATA_KEY: description.to_json()})
    content: bytes = graph.SerializeToString()
    return content
