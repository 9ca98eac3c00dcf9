"""export_ensemble: several models as one ONNX file that takes letters and returns their mean and standard deviation."""

import dataclasses
import importlib.metadata
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.confidence.run_file import familiarity_alone
from dreamkeras.errors import ModelError
from dreamkeras.export.onnx_file import check_choices, check_graph, export_onnx, file_bytes, opened
from dreamkeras.export.parity import Parity, compare, parity_letters, require_parity, units
from dreamkeras.export.rewrites.graph import make_node
from dreamkeras.export.rewrites.half_precision import to_half_precision
from dreamkeras.export.tracing_process import require_packages
from dreamkeras.files.outputs import open_output
from dreamkeras.models.names import STRAND_RULES
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.scoring.model_file import require_different
from dreamkeras.scoring.predictor import OnnxPredictor, load
from dreamkeras.sequence.description import ModelDescription

__all__ = ["export_ensemble", "merge"]

ModelPath = str | os.PathLike[str]


def export_ensemble(
    models: Sequence[ModelPath], output: ModelPath, *, precision: str = "float32", strands: str | None = None
) -> ModelDescription:
    """Writes several models as one ONNX file, once it is shown to predict what they do.

    Input `letters` uint8 [batch, length]; outputs `expression`, the members' mean, and `sd`, their standard deviation as
    `scoring.scorer.Spread` defines it, both float32 [batch, tasks]. The file appears whole or not at all.

    Args:
        models: Run folders, `.onnx` and `.keras` files, at least two, none of them an ensemble.
        output: The file to write.
        precision: `"float32"` leaves the members' as it is, `"float16"` halves the file.
        strands: `"both"` or `"forward"`; by default each member's own. An `.onnx` file cannot be given another than it has.

    Returns:
        What the file says of itself; `members` tells of each model, `parity` compares the file with them.

    Raises:
        ModelError: The models cannot be averaged or have different constructs, or the file differs from them.
        MissingPackageError: A package that is needed is not installed.
        DreamkerasError: The file cannot be written.

    Example:
        `export_ensemble(["runs/seed-0", "runs/seed-1"], "ensemble.onnx").members[0]["name"]`
    """
    check_choices(precision, strands)
    if precision == "int8":
        raise ModelError("Expected float32 or float16 for an ensemble, got int8: export each member in int8, and give those .onnx files.")
    if len(models) < 2:
        raise ModelError(f"Expected at least two models for an ensemble, got {len(models)}.")
    require_different(models)
    require_packages("onnx", "onnxruntime")
    with open_output(str(output)) as stream, tempfile.TemporaryDirectory(prefix="dreamkeras-") as folder:
        files = [_exported(Path(model), Path(folder) / f"{place}.onnx", strands) for place, model in enumerate(models)]
        members = [load(file, device="cpu") for file in files]
        description = _describe(members)
        graph = _merged(files, members, description, precision)
        parity = _measure(graph, description, Ensemble(members), precision)
        require_parity(parity)
        description = dataclasses.replace(description, parity=parity._asdict())
        stream.write(file_bytes(graph, description))
    return description


def merge(members: Sequence[Any], name: str) -> Any:
    """One ONNX model that computes all of them.

    Args:
        members: At least two `onnx.ModelProto` with the input `letters` and the output `expression`; stay as they are.
        name: The graph's name.

    Returns:
        The `onnx.ModelProto`, with the outputs `expression` and `sd`.

    Raises:
        ModelError: They are written in different ONNX operator sets.
    """
    from onnx import compose, helper

    opsets = [sorted((opset.domain, opset.version) for opset in member.opset_import) for member in members]
    if any(opset != opsets[0] for opset in opsets):
        raise ModelError(f"Expected models in one ONNX operator set, got {opsets}: export them again.")
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
    """The nodes from the members' values to their mean and standard deviation."""
    nodes, squares = [make_node("Mean", values, "expression")], []
    for place, value in enumerate(values):
        squares.append(f"ensemble/square_{place}")
        nodes += [make_node("Sub", [value, "expression"], f"ensemble/difference_{place}")]
        nodes += [make_node("Mul", [f"ensemble/difference_{place}"] * 2, squares[-1])]
    nodes += [make_node("Sum", squares, "ensemble/sum"), make_node("Div", ["ensemble/sum", "ensemble/freedom"], "ensemble/variance")]
    return [*nodes, make_node("Sqrt", ["ensemble/variance"], "sd")]


def _exported(model: Path, file: Path, strands: str | None) -> Path:
    """The model as an ONNX file: its own, or else one that is written here."""
    if model.suffix == ".onnx":
        rule = load(model, device="cpu").construct.strands
        if strands is not None and rule != STRAND_RULES[strands]:
            raise ModelError(f"Expected a run folder or a .keras file to change its strands to {strands!r}, got {model} with {rule!r}.")
        return model
    if strands is None and (model / "model.onnx").is_file():
        return model / "model.onnx"
    export_onnx(model, file, strands=strands)
    return file


def _describe(members: Sequence[OnnxPredictor]) -> ModelDescription:
    """What the ensemble says of itself; of the training, what is the same for all."""
    ensemble, descriptions = Ensemble(members), [member.description for member in members]
    if any(description.profile for description in descriptions):
        raise ModelError(f"Expected models without profiles for one file, got {ensemble.name}: `dreamkeras predict` takes several with -m.")
    if len(ensemble.constructs) > 1:
        names = " and ".join(repr(construct.name) for construct in ensemble.constructs)
        raise ModelError(f"Expected models of one construct for one file, got {names}: `dreamkeras predict` takes several with -m.")
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
    )


def _merged(files: Sequence[Path], members: Sequence[OnnxPredictor], description: ModelDescription, precision: str) -> Any:
    import onnx

    graphs = [onnx.load_model(file) for file in files]
    if precision == "float16":  # each by itself, so that what is between them stays exact
        halves = [member.description.parity.get("precision") == "float16" for member in members]
        graphs = [graph if half else to_half_precision(graph) for graph, half in zip(graphs, halves, strict=True)]
    graph = merge(graphs, description.name)
    check_graph(graph, description.name)
    return graph


def _measure(graph: Any, description: ModelDescription, ensemble: Ensemble, precision: str) -> Parity:
    """The file against its members."""
    letters = parity_letters(description.construct)
    with opened(graph, description) as predictor:
        apart, one = ensemble.score_windows([letters]), predictor.score_windows([letters])
    means = slice(len(description.tasks))  # r is theirs: members that agree have deviations of mere rounding
    parity = compare(apart[:, means], one[:, means], None, precision)
    spreads = float((np.abs(apart - one)[:, len(description.tasks) :] / units(apart[:, means])).max())
    return parity._replace(largest_difference=float(abs(apart - one).max()), sd_difference=max(parity.sd_difference, spreads))
