"""The options that say which genome and which reads of it: those of `--assay atac`. click only: shell completion imports this."""

from typing import TYPE_CHECKING, Any

import click

from .numbers import DECIMAL, WholeRange
from .shared import add_options, summits_option

if TYPE_CHECKING:
    from dreamkeras.data.assays.atac_layout import AtacLayout

__all__ = ["ATAC_FIELDS", "atac_options", "chosen_genome"]

atac_options = add_options(
    click.option("--genome", type=click.Path(), metavar="FILE", help="FASTA of the genome whose peaks DATA names."),
    click.option("--signal", type=click.Path(), metavar="FILE", help="bigWig of the reads that begin at each position of it."),
    click.option(
        "--nonpeaks", type=click.Path(), metavar="FILE", help="BED of windows that are no peaks.  [default: drawn from the genome]"
    ),
    click.option("--nonpeak-ratio", type=DECIMAL, metavar="SHARE", help="Non-peaks in an epoch for each peak.  [default: 0.1]"),
    click.option("--profile-length", type=WholeRange(min=1), metavar="N", help="Positions that are predicted.  [default: 1000]"),
    summits_option,
    click.option("--region-jitter", type=WholeRange(min=0), metavar="N", help="How far a window is shifted at most.  [default: 128]"),
    click.option("--bias", type=click.Path(), metavar="MODEL", help="A run trained on non-peaks: the enzyme's bias, which stays as it is."),
)

ATAC_FIELDS = {
    "genome": "genome",
    "signal": "signal",
    "nonpeaks": "nonpeaks",
    "nonpeak_ratio": "nonpeak_ratio",
    "profile_length": "profile_length",
    "region_jitter": "jitter",
    "summits": "summits",
}
"""Options, and the fields of `data.assays.atac_layout.AtacLayout` that they are; a table has `--length`, too. A test compares them."""


def chosen_genome(assay: str, choices: dict[str, Any]) -> "AtacLayout | None":
    """The layout that the options say; they are taken out of `choices`, the window's length with them. None for any other assay.

    Raises:
        click.UsageError: There is an option of a genome, but another assay; or the genome or its reads are missing.
        InputError: The choices make no layout.
    """
    given = {name: value for name in ATAC_FIELDS if (value := choices.pop(name)) is not None}
    if assay != "atac":
        for name in given:
            raise click.UsageError(f"Expected --assay atac for --{name.replace('_', '-')}, got --assay {assay}.")
        return None
    for name in ("genome", "signal"):
        if name not in given:
            raise click.UsageError(f"Expected --{name} FILE for --assay atac, got none.")
    if given.get("nonpeak_ratio") == 0 and "nonpeaks" in given:
        raise click.UsageError("Expected a --nonpeak-ratio above 0 beside --nonpeaks, got 0, which uses none.")
    from dreamkeras.data.assays.atac_layout import AtacLayout

    length = choices.pop("length")
    choices["length"] = None  # of a table's options, which then has none
    fields = {ATAC_FIELDS[name]: value for name, value in given.items()}
    return AtacLayout(**fields, **({} if length is None else {"length": length}))
