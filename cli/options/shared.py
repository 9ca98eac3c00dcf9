"""The options that several commands share. click only: shell completion imports this."""

import re

import click

from dreamkeras.formats.decimals import is_whole, parse_whole

from .numbers import WholeRange

__all__ = [
    "ABLATION_METHODS",
    "ATTRIBUTION_METHODS",
    "BACKENDS",
    "BASELINES",
    "BODY",
    "DATA_SETS",
    "DESIGN_METHODS",
    "EFFECT_FORMATS",
    "ENGINES",
    "EXPORT_PRECISIONS",
    "FORMATS",
    "INDEL_ANCHORS",
    "LOSSES",
    "OPTIMIZERS",
    "PRECISIONS",
    "SLOTS",
    "STRANDS",
    "STRAND_CHOICES",
    "TABLE_FORMATS",
    "TRITON_DEVICES",
    "VARIANT_STRANDS",
    "batch_size_option",
    "count_or_auto",
    "device_option",
    "fold_count",
    "format_option",
    "id_column_option",
    "models_option",
    "numbers",
    "on_error_option",
    "output_option",
    "place",
    "refuse_unused",
    "sequence_column_option",
    "sequences_at_once_option",
    "strands_option",
    "summits_option",
    "threads_option",
]

FORMATS = ("tsv", "csv", "jsonl", "parquet", "bedgraph", "bigwig")
"""The keys of `formats.writers.FORMATS` and of `formats.tracks.TRACKS`, which completion must not import; a test compares them."""

TABLE_FORMATS = ("tsv", "csv", "jsonl", "parquet")
"""The keys of `formats.writers.FORMATS`, likewise."""

EFFECT_FORMATS = ("tsv", "csv", "jsonl", "parquet", "npz")
"""Those of `explain.effect_files`, likewise."""

ATTRIBUTION_METHODS = ("gradient", "integrated", "deeplift")
"""The keys of `models.gradients.METHODS`, likewise."""

ABLATION_METHODS = ("dinucleotides", "letters", "unknown")
"""The keys of `explain.ablation.METHODS`, likewise."""

BASELINES = ("zeros", "uniform", "shuffled")
"""The keys of `models.gradients.BASELINES`, likewise."""

DEVICES = ("auto", "cpu", "cuda")
"""Those of `scoring.session`, likewise."""

BACKENDS = ("tensorflow", "jax", "torch")
"""Those of `training.backend`, likewise."""

PRECISIONS = ("float32", "bfloat16", "float16")
"""The keys of `training.config.PRECISIONS`, likewise."""

DATA_SETS = ("yeast", "human", "drosophila", "weights")
"""The keys of `data.published.record.DATA_SETS`, likewise."""

LOSSES = ("mse", "huber", "l1", "pearson")
"""The keys of `training.strategy.losses.LOSSES`, likewise."""

OPTIMIZERS = ("adamw", "adam", "lion")
"""The keys of `training.strategy.names.OPTIMIZERS`, likewise."""

SLOTS = ("first", "core", "final")
"""The keys of `layers.slots.BLOCKS`, likewise."""

BODY = ("first", "core")
"""Those of `training.warm_start`, likewise."""

EXPORT_PRECISIONS = ("float32", "float16", "int8")
"""`PRECISIONS` of `export`, likewise."""

STRANDS = ("both", "forward")
"""Those of `export`, likewise."""

TRITON_DEVICES = ("cpu", "gpu", "tensorrt")
"""Those of `export.triton`, likewise."""

ENGINES = ("local", "ray")
"""What may score: this process, or those of a cluster."""

STRAND_CHOICES = ("given", "forward", "reverse")
"""Those of `genome.windows`, likewise."""

INDEL_ANCHORS = ("mean", "left", "right")
"""The keys of `variants.windows.INDEL_ANCHORS`, likewise."""

VARIANT_STRANDS = ("forward", "reverse", "both")
"""The keys of `variants.windows.STRANDS`, likewise."""

DESIGN_METHODS = ("evolution", "greedy", "beam", "gradient")
"""The keys of `design.methods.METHODS`, likewise."""

MOST_NUMBERS = 100_000
"""Of a range of numbers on the command line: more are a slip of the hand."""

models_option = click.option(
    "-m",
    "--model",
    "models",
    type=click.Path(),
    multiple=True,
    metavar="MODEL",
    help="An .onnx file or a run folder; several are an ensemble.  [default: the small yeast model of the package]",
)

output_option = click.option(
    "-o",
    "--output",
    type=click.Path(allow_dash=True),
    default="-",
    metavar="FILE",
    help="Where results go; appears when it is whole; text in FILE.gz is compressed.  [default: standard output]",
)

format_option = click.option("--format", type=click.Choice(FORMATS), help="Format of the results.  [default: by FILE's suffix, else tsv]")

batch_size_option = click.option(
    "--batch-size", type=WholeRange(min=1), metavar="N", help="Sequences scored at once; more take more memory."
)

device_option = click.option(
    "--device", type=click.Choice(DEVICES), default="auto", show_default=True, help="Where the model runs; cuda fails without a GPU."
)


on_error_option = click.option(
    "--on-error",
    type=click.Choice(("fail", "skip")),
    default="fail",
    show_default=True,
    help="What to do with sequences that do not fit the model.",
)


def place(text: str) -> str | int:
    """Of a fold, its number, or a chromosome."""
    return int(text) if re.fullmatch("0|[1-9][0-9]{0,8}", text) else text


def count_or_auto(text: str) -> int | str:
    """A number from 1 on, or `auto`, which is to be measured."""
    if text != "auto" and not (is_whole(text) and int(text)):
        raise click.BadParameter(f"{text!r} is neither a number from 1 on nor 'auto'.")
    return text if text == "auto" else int(text)


def numbers(text: str) -> list[int]:
    """Whole numbers: `3,5,8`, or `FROM:TO` or `FROM:TO:STEP`, `TO` among them if a step leads there."""
    try:
        found = _range(text) if ":" in text else [parse_whole(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not found:
        raise click.BadParameter(f"{text!r} is neither numbers such as 3,5,8 nor FROM:TO:STEP, with a STEP from 1 on.")
    if found[MOST_NUMBERS:]:
        raise click.BadParameter(f"{text!r} is more than {MOST_NUMBERS:,} numbers.")
    return list(found)


def _range(text: str) -> range:
    first, last, step = map(parse_whole, text.split(":") if text.count(":") > 1 else [*text.split(":"), "1"])
    return range(first, last + 1, step) if step > 0 else range(0)


def refuse_unused(wanted: str, **given: object) -> None:
    """Options that would change nothing are wrong.

    Args:
        wanted: What they go with, which is not there.
        given: Their values, by their names; None for what was not given.

    Raises:
        click.UsageError: One was given.
    """
    for name, value in given.items():
        if value is not None:
            raise click.UsageError(f"Expected {wanted} beside --{name.replace('_', '-')}.")


def fold_count(text: str) -> str | int:
    """A number of folds, or `given`."""
    if not is_whole(text) and text != "given":
        raise click.BadParameter(f"{text!r} is neither a number nor 'given'.")
    return int(text) if is_whole(text) else text


sequences_at_once_option = click.option(
    "--batch-size",
    type=count_or_auto,
    metavar="N|auto",
    help="Sequences scored at once; more take more memory.  [default: 64]",
)

threads_option = click.option(
    "--threads", type=count_or_auto, metavar="N|auto", help="CPU threads; auto measures.  [default: as many as CPUs may be used]"
)

strands_option = click.option(
    "--strands",
    type=click.Choice(("+-", "+", "-")),
    default="+-",
    show_default=True,
    help="Strands that motifs stand on; of two, every combination.",
)

summits_option = click.option(
    "--summits/--no-summits",
    default=None,
    help="Column 10 of BED holds summits, or does not.  [default: where a file is narrowPeak, by its name or by all its columns]",
)

id_column_option = click.option("--id-column", metavar="NAME", help="A table's column of names, or its position from 0.")

sequence_column_option = click.option("--sequence-column", metavar="NAME", help="A table's column of sequences, or its position from 0.")
