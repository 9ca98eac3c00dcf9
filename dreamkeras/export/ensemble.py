"""export_ensemble: combines several models in one ONNX file that returns the mean and the standard deviation of their predictions."""

import dataclasses
import importlib.metadata
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.confidence.run_file import CALIBRATION_FILE, familiarity_alone, read_calibration
from dreamkeras.errors import ModelError
from dreamkeras.export.onnx_file import check_choices, check_graph, export_onnx, file_bytes, opened
from dreamkeras.export.parity import SEQUENCES, Parity, compare, parity_letters, require_parity, units
from dreamkeras.export.rewrites.graph import make_node
from dreamkeras.export.rewrites.half_precision import to_half_precision
from dreamkeras.export.tracing_process import require_packages
from dreamkeras.export.training_summary import read_training_summary
from dreamkeras.files.outputs import open_output
from dreamkeras.files.temporary import temporary_folder
from dreamkeras.models.names import STRAND_RULES
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.scoring.model_file import require_different
from dreamkeras.scoring.predictor import OnnxPredictor, load
from dreamkeras.sequence.description import ModelDescription

__all__ = ["export_again", "export_ensemble", "merge"]

ModelPath = str | os.PathLike[str]


def export_ensemble(
    models: Sequence[ModelPath],
    output: ModelPath,
    *,
    precision: str = "float32",
    strands: str | None = None,
    sequences: int = SEQUENCES,
    training: dict[str, Any] | None = None,
    calibration: Callable[[OnnxPredictor], dict[str, Any]] | None = None,
) -> ModelDescription:
    """Combines several models in one ONNX file and checks its predictions against those of the models.

    The file has the input `letters` uint8 [batch, length] and two outputs, float32 [batch, tasks]. The output `expression` is the mean over
    the models. The output `sd` is the standard deviation over the models, as defined in `scoring.scorer.Spread`. The file is written
    completely or not at all.

    Args:
        models: At least two run folders, `.onnx` files or `.keras` files. Ensembles are not accepted.
        output: The file to write.
        precision: `"float32"` keeps the precision of each model; `"float16"` halves the file size.
        strands: `"both"` or `"forward"`. If None, each model keeps its strand rule. The strand rule of an `.onnx` file cannot be changed.
        sequences: Number of sequences for which the predictions of the file and the models are compared.
        training: Summary of the training, which is stored in the description. If None, the entries that all models share are stored.
        calibration: Function that returns a calibration of the merged model. If None, only a familiarity that all models share is stored.

    Returns:
        The description of the file. The field `members` describes the models, and the field `parity` compares the file with the models.

    Raises:
        ModelError: The predictions of the models cannot be averaged, the models have different constructs, or the predictions of the file
            differ from those of the models.
        MissingPackageError: A required package is not installed.
        DreamkerasError: The file cannot be written.

    Example:
        `export_ensemble(["runs/seed-0", "runs/seed-1"], "ensemble.onnx").members[0]["name"]`
    """
    check_choices(precision, strands)
    if precision == "int8":
        raise ModelError("Expected float32 or float16 for an ensemble, got int8: export each member in int8 and combine the .onnx files.")
    if len(models) < 2:
        raise ModelError(f"Expected at least two models for an ensemble, got {len(models)}.")
    require_different(models)
    require_packages("onnx", "onnxruntime")
    with open_output(str(output)) as stream, temporary_folder() as folder:
        files = [_exported(Path(model), folder / f"{place}.onnx", strands) for place, model in enumerate(models)]
        members = [load(file, device="cpu") for file in files]
        description = _describe(members)
        graph = _merged(files, members, description, precision)
        if training is not None:
            description = dataclasses.replace(description, training=training)
        with opened(graph, description) as predictor:
            parity = _measure(predictor, Ensemble(members), precision, sequences)
            require_parity(parity)
            held = calibration(predictor) if calibration else description.calibration
        description = dataclasses.replace(description, parity=parity._asdict(), calibration=held)
        stream.write(file_bytes(graph, description))
    return description


def export_again(folder: Path, runs: Sequence[ModelPath], output: ModelPath, *, precision: str, strands: str | None) -> ModelDescription:
    """Exports the model of an ensemble's folder with another precision or strand rule.

    The description contains the training summary of the folder and, if the folder has one, its calibration. With `strands`, only the
    familiarity is kept, because the predictions differ.

    Args:
        folder: Folder of an ensemble or of a cross-validation.
        runs: Run folders in it, as returned by `member_runs.member_runs`.
        output: See `export_ensemble`.
        precision: See `export_ensemble`.
        strands: See `export_ensemble`.

    Raises:
        DreamkerasError: See `export_ensemble`.
    """

    def calibration(predictor: OnnxPredictor) -> dict[str, Any]:
        held = read_calibration(folder, predictor.tasks)
        return held if strands is None else familiarity_alone(held)

    return export_ensemble(
        runs,
        output,
        precision=precision,
        strands=strands,
        training=read_training_summary(folder),
        calibration=calibration if (folder / CALIBRATION_FILE).is_file() else None,
    )


def merge(members: Sequence[Any], name: str) -> Any:
    """Merges several ONNX models into one model, which computes the mean and the standard deviation of their predictions.

    Args:
        members: At least two `onnx.ModelProto` with the input `letters` and the output `expression`. They are not modified.
        name: Name of the merged graph.

    Returns:
        The merged `onnx.ModelProto`, with the outputs `expression` and `sd`.

    Raises:
        ModelError: The models use different ONNX operator sets.
    """
    from onnx import compose, helper

    opsets = [sorted((opset.domain, opset.version) for opset in member.opset_import) for member in members]
    if any(opset != opsets[0] for opset in opsets):
        raise ModelError(f"Expected models with the same ONNX operator sets, got {opsets}: export the models again.")
    parts = [compose.add_prefix(member, f"{place}/").graph for place, member in enumerate(members)]
    nodes = []
    for place, part in enumerate(parts):
        nodes += [make_node("Identity", ["letters"], f"{place}/letters"), *part.node]
    nodes += _mean_and_sd([f"{place}/expression" for place in range(len(parts))])
    first = members[0].graph
    deviation = type(first.output[0]).FromString(first.output[0].SerializeToString())
    deviation.name = "sd"
    constants = [tensor for part in parts for tensor in part.initializer] + [
        helper.make_tensor("ensemble/freedom", 1, [], [len(parts) - 1])
    ]
    graph = helper.make_graph(nodes, name, list(first.input), [first.output[0], deviation], constants)
    return helper.make_model(graph, opset_imports=list(members[0].opset_import), ir_version=max(member.ir_version for member in members))


def _mean_and_sd(values: list[str]) -> list[Any]:
    """Returns the nodes that compute the mean and standard deviation of the members' outputs."""
    nodes, squares = [make_node("Mean", values, "expression")], []
    for place, value in enumerate(values):
        squares.append(f"ensemble/square_{place}")
        nodes += [make_node("Sub", [value, "expression"], f"ensemble/difference_{place}")]
        nodes += [make_node("Mul", [f"ensemble/difference_{place}"] * 2, squares[-1])]
    nodes += [make_node("Sum", squares, "ensemble/sum"), make_node("Div", ["ensemble/sum", "ensemble/freedom"], "ensemble/variance")]
    return [*nodes, make_node("Sqrt", ["ensemble/variance"], "sd")]


def _exported(model: Path, file: Path, strands: str | None) -> Path:
    """Returns the path of a model's ONNX file.

    A `.keras` file or run folder is exported to `file`, unless `strands` is None and the folder contains `model.onnx`.
    """
    if model.suffix == ".onnx":
        rule = load(model, device="cpu").construct.strands
        if strands is not None and rule != STRAND_RULES[strands]:
            raise ModelError(
                f"Cannot change the strand rule of {model} from {rule!r} to {STRAND_RULES[strands]!r}: "
                "give a run folder or a .keras file instead of an .onnx file."
            )
        return model
    if strands is None and (model / "model.onnx").is_file():
        return model / "model.onnx"
    export_onnx(model, file, strands=strands)
    return file


def _describe(members: Sequence[OnnxPredictor]) -> ModelDescription:
    """Returns the description of the ensemble. The training summary contains the entries that are equal for all members."""
    ensemble, descriptions = Ensemble(members), [member.description for member in members]
    if any(description.profile for description in descriptions):
        raise ModelError(
            f"Models with profiles cannot be combined in one file ({ensemble.name}). "
            "To average the models' predictions, repeat the option -m of `dreamkeras predict`."
        )
    if len(ensemble.constructs) > 1:
        names = " and ".join(repr(construct.name) for construct in ensemble.constructs)
        raise ModelError(
            f"Expected models with the same construct for one file, got {names}. "
            "To average the models' predictions, repeat the option -m of `dreamkeras predict`."
        )
    first, spans = descriptions[0].training, [familiarity_alone(description.calibration) for description in descriptions]
    return ModelDescription(
        name=f"ensemble-of-{len(members)}",
        construct=ensemble.construct,
        tasks=ensemble.tasks,
        units=ensemble.units,
        training={key: first[key] for key in first if all(other.training.get(key) == first[key] for other in descriptions)},
        versions={package: importlib.metadata.version(package) for package in ("dreamkeras", "onnx")},
        members=[{field: getattr(other, field) for field in ("name", "training", "versions", "parity")} for other in descriptions],
        calibration=spans[0] if all(span == spans[0] for span in spans) else {},
        scales=descriptions[0].scales if all(other.scales == descriptions[0].scales for other in descriptions) else (),
    )


def _merged(files: Sequence[Path], members: Sequence[OnnxPredictor], description: ModelDescription, precision: str) -> Any:
    import onnx

    graphs = [onnx.load_model(file) for file in files]
    if precision == "float16":  # members are converted before merging, so that mean and deviation are computed in float32
        halves = [member.description.parity.get("precision") == "float16" for member in members]
        graphs = [graph if half else to_half_precision(graph) for graph, half in zip(graphs, halves, strict=True)]
    graph = merge(graphs, description.name)
    check_graph(graph, description.name)
    return graph


def _measure(predictor: OnnxPredictor, ensemble: Ensemble, precision: str, sequences: int) -> Parity:
    """Compares the predictions of the merged graph with those of the members."""
    letters = parity_letters(predictor.construct, sequences)
    apart, one = ensemble.score_windows([letters]), predictor.score_windows([letters])
    # r is computed from the means only, because the standard deviations of members that agree are rounding errors.
    means = slice(len(predictor.tasks))
    parity = compare(apart[:, means], one[:, means], None, precision)
    spreads = float((np.abs(apart - one)[:, len(predictor.tasks) :] / units(apart[:, means])).max())
    return parity._replace(largest_difference=float(abs(apart - one).max()), sd_difference=max(parity.sd_difference, spreads))
