"""The options that tell how far to trust predictions. click only, until they are used."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from .numbers import DecimalRange
from .shared import add_options

if TYPE_CHECKING:
    from dreamkeras.confidence.columns import ConfidenceColumns

__all__ = ["chosen_confidence", "confidence_options"]

confidence_options = add_options(
    click.option(
        "--interval",
        type=DecimalRange(0, 1, min_open=True, max_open=True),
        metavar="LEVEL",
        help="Add TASK_low and TASK_high, between which this share of measurements falls, e.g. 0.95.",
    ),
    click.option(
        "--percentile", is_flag=True, help="Add TASK_percentile: the share of random and shuffled sequences that are predicted lower."
    ),
    click.option(
        "--flag-unusual", is_flag=True, help="Add the column unusual: length, gc or kmers, where they are unlike those of training."
    ),
)


def chosen_confidence(options: Mapping[str, Any]) -> "ConfidenceColumns | None":
    """The columns of these options; None without, and then nothing is imported."""
    chosen = [options[name] for name in ("interval", "percentile", "flag_unusual")]
    if not any(chosen):
        return None
    from dreamkeras.confidence.columns import ConfidenceColumns

    return ConfidenceColumns(*chosen)
