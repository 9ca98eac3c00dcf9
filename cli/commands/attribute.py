"""`dreamkeras attribute`: attributes the predictions of a Keras model to bases by gradients."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dreamkeras.errors import OnError
from dreamkeras.explain.names import EFFECT_FORMATS
from dreamkeras.models.names import ATTRIBUTION_METHODS, BASELINES
from dreamkeras.training.names import BACKENDS

from ..options.explanation import explanation_options, explanation_outputs, open_explanations, span_option
from ..options.genome import chosen_reading, chosen_windows, files_to_read, genome_options
from ..options.numbers import WholeRange
from ..options.shared import (
    batch_size_option,
    id_column_option,
    on_error_option,
    output_option,
    refuse_unused,
    sequence_column_option,
)

if TYPE_CHECKING:
    from dreamkeras.explain.attribution import Attribution
    from dreamkeras.explain.parts import Span

__all__ = ["command"]


@click.command("attribute", epilog="\b\nExample:\n  dreamkeras attribute promoters.fa -m runs/mine -o contributions.tsv --logos logos")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=click.Path(allow_dash=True))
@click.option("-m", "--model", required=True, type=click.Path(path_type=Path), metavar="RUN", help="Run folder, ensemble or .keras file.")
@output_option
@click.option(
    "--format",
    type=click.Choice(EFFECT_FORMATS),
    help="Format of the contributions.  [default: the format that the suffix of FILE names, otherwise tsv]",
)
@click.option("--method", type=click.Choice(ATTRIBUTION_METHODS), default="integrated", show_default=True, help="Attribution method.")
@click.option(
    "--baseline",
    type=click.Choice(BASELINES),
    help="Baseline that replaces the insert: zeros (N at every position), uniform (an equal mixture of the four bases) "
    "or shuffled (shuffled copies of the insert).  "
    "[default: zeros; shuffled for deeplift]",
)
@click.option(
    "--references", type=WholeRange(min=1), metavar="N", help="Number of shuffles of each insert, for shuffled baselines.  [default: 10]"
)
@click.option(
    "--steps",
    type=WholeRange(min=1),
    metavar="N",
    help="Number of interpolation points between baseline and insert.  [default: 16 for integrated, 8 for deeplift]",
)
@click.option("--seed", type=WholeRange(min=0), metavar="N", help="Random seed for the shuffles.  [default: 0]")
@click.option(
    "--completeness",
    type=click.Path(),
    metavar="FILE",
    help="Write the completeness error of each sequence to FILE. The error is 0 if the contributions sum to "
    "the prediction minus the baseline prediction.",
)
@on_error_option
@batch_size_option
@click.option(
    "--backend", type=click.Choice(BACKENDS), help="Keras backend.  [default: the backend in KERAS_BACKEND, or the first that is installed]"
)
@id_column_option
@sequence_column_option
@span_option
@explanation_options
@genome_options()
def command(
    inputs: tuple[str, ...],
    model: Path,
    output: str,
    format: str | None,
    completeness: str | None,
    on_error: OnError,
    backend: str | None,
    id_column: str | int | None,
    sequence_column: str | int | None,
    span: "Span | None",
    **choices: Any,
) -> None:
    """Attribute predictions to the bases of the sequences in INPUT, using the gradients of a Keras model.

    INPUT may have any format that `dreamkeras predict` reads, including regions with --genome and tiles with --tile. Contributions explain
    the same prediction that the exported ONNX model returns, for example the mean over both strands, or the mean over the networks of an
    ensemble. Each row of the results describes one base, with the name of the sequence and the 1-based position in the insert. For each
    task, the row has the contribution of the base to the prediction. If FILE ends in .npz, the file also holds the contributions that the
    three other bases would have at each position.
    """
    from ..results import leave_manifest, model_files, refuse_clashes, report_skipped

    columns = {"id_column": id_column, "sequence_column": sequence_column}
    windows = chosen_windows(choices, columns, on_error)
    files = files_to_read(inputs, windows)
    _check_shuffles(choices)
    explanations = {name: choices.pop(name) for name in ("logos", "png", "seqlets", "meme", "modisco")}
    beside = explanation_outputs(explanations)
    refuse_clashes((*files, *model_files([model])), output, completeness, *beside.files, *beside.folders)
    explaining = open_explanations(explanations)
    models = _checked_models(inputs, windows.genome if windows else None, model, backend)

    from dreamkeras.explain.attribution_files import CompletenessTable, completeness_columns, open_attributions
    from dreamkeras.explain.effect_files import write_effects
    from dreamkeras.export.tracing import load_network
    from dreamkeras.formats.writers import open_writer
    from dreamkeras.models.mean_attribution import MeanAttributor

    from ..progress import show_records

    size = choices.pop("batch_size") or 64
    attributor, errors = MeanAttributor([load_network(file) for file in models], batch_size=size, **choices), _Errors()
    reader = chosen_reading(inputs, windows, columns, [attributor.construct]).reader
    records = reader.read(inputs, partial(click.echo, err=True))
    with ExitStack() as stack:
        sinks = [errors, stack.enter_context(open_attributions(output, attributor.tasks, format))]
        if completeness:
            sinks.append(CompletenessTable(stack.enter_context(open_writer(completeness, completeness_columns(attributor.tasks)))))
        sinks += stack.enter_context(explaining(attributor.tasks))
        progress = stack.enter_context(show_records())
        scored = write_effects(attributor.attribute_records(records, on_error, progress, span=span), sinks)
    leave_manifest(output, [str(file) for file in models], files)
    click.echo(errors.summary(), err=True)
    report_skipped(scored, output)


def _check_shuffles(choices: dict[str, Any]) -> None:
    """Refuses the options for shuffles if the baselines are not shuffled.

    Also removes `references` and `seed` from `choices` if they are None, so that the library uses its defaults.
    """
    is_shuffled = choices["baseline"] == "shuffled" or (choices["baseline"] is None and choices["method"] == "deeplift")
    given = {name: choices.pop(name) for name in ("references", "seed")}
    if not is_shuffled:
        refuse_unused("without --baseline shuffled", **given)
    choices.update({name: value for name, value in given.items() if value is not None})


def _checked_models(inputs: tuple[str, ...], genome: str | None, model: Path, backend: str | None) -> list[Path]:
    """Returns the paths of the model's networks. The model and inputs are checked before Keras is imported, which takes seconds."""
    from dreamkeras.export.member_runs import find_models
    from dreamkeras.files.decompression import open_source
    from dreamkeras.files.kinds import BED, FASTA
    from dreamkeras.files.streams import is_stream
    from dreamkeras.training.backend import choose_backend

    found = find_models(model)
    expected = {**dict.fromkeys(inputs, BED), genome: FASTA} if genome else dict.fromkeys(inputs)
    for path, kind in expected.items():
        if not is_stream(path):
            with open_source(path, expected=kind):
                pass
    choose_backend(backend)
    return found


class _Errors:
    """Records the largest completeness error, and the mean absolute difference between predictions and baseline predictions."""

    def __init__(self) -> None:
        self._sequences, self._largest, self._difference = 0, 0.0, 0.0

    def write(self, found: "Attribution") -> None:
        """Records the errors of a batch of sequences."""
        errors, differences = abs(found.completeness_error()), abs(found.reference - found.baseline)
        self._sequences += len(found.ids)
        self._largest = max(self._largest, float(errors.max()))
        self._difference += float(differences.mean(axis=1).sum())

    def summary(self) -> str:
        """Returns a summary of the errors in one line."""
        difference = self._difference / self._sequences
        sum_of = f"the prediction minus the baseline prediction (mean {difference:.3g})"
        return f"Contributions sum to {sum_of}, with errors of at most {self._largest:.3g}."
