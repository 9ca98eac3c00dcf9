"""RunConfig: all that is needed to repeat a training run, as it stands in the run folder's config.json."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from dreamkeras.errors import InputError
from dreamkeras.sequence.outputs import open_output

__all__ = ["PRECISIONS", "RunConfig"]

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
"""Keras's dtype policies by the names of the command line."""


@dataclass(frozen=True)
class RunConfig:
    """The choices of a training run.

    Args:
        data: File of measured sequences; None trains on a simulated library.
        valid: File to validate on. At most one of this and the next two is chosen; with none, a tenth of the data is held out.
        valid_fold: Fold of the data to validate on.
        valid_fraction: Share of the data to validate on, drawn by the split's seed.
        assay: What was measured; see `data.assays`.
        model: Which network; see `models.presets`.
        strategy: How it is trained; see `training.strategies`.
        backend: Keras's backend.
        epochs: Passes over the examples; None takes the strategy's.
        batch_size: Examples a step; None takes the strategy's, halved until an epoch has 100 steps, but not below 32.
        learning_rate: Highest learning rate; None takes the strategy's.
        patience: Epochs without a better validation r after which training ends; None trains them all.
        minutes: Time in training after which the run ends with the epoch it is in; None trains on.
        precision: One of `PRECISIONS`.
        seed: Of the weights, the order and the dropout.
        split_seed: Of the simulated library and of the split, so that runs of several seeds validate on the same; None takes `seed`.
        simulated: Promoters to simulate where `data` is None.
        fingerprint: Of the examples that the run began with, so that it is resumed with no others; None before it begins.

    Raises:
        InputError: A number is out of range, a precision unknown, or two ways to validate are chosen.
    """

    data: str | None = None
    valid: str | None = None
    valid_fold: int | None = None
    valid_fraction: float | None = None
    assay: str = "yeast"
    model: str = "dream-cnn-small"
    strategy: str = "autosome"
    backend: str = "tensorflow"
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    patience: int | None = None
    minutes: float | None = None
    precision: str = "float32"
    seed: int = 0
    split_seed: int | None = None
    simulated: int = 20_000
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "learning_rate", "patience", "minutes", "simulated"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"Expected {name} above 0, got {value}.")
        chosen = [name for name in ("valid", "valid_fold", "valid_fraction") if getattr(self, name) is not None]
        if len(chosen) > 1:
            raise InputError(f"Expected one choice of validation sequences, got {' and '.join(chosen)}.")
        if self.precision not in PRECISIONS:
            raise InputError(f"Expected precision among {', '.join(PRECISIONS)}, got {self.precision!r}.")
        for seed in (self.seed, self.seed_of_split):
            if not 0 <= seed < 2**32:
                raise InputError(f"Expected a seed from 0 to {2**32 - 1}, got {seed}.")

    @property
    def seed_of_split(self) -> int:
        """What the simulated library and the split are drawn by."""
        return self.seed if self.split_seed is None else self.split_seed

    def write(self, path: Path) -> None:
        """Writes the fields as JSON; the file appears whole or not at all."""
        with open_output(str(path)) as file:
            file.write((json.dumps(dataclasses.asdict(self), indent=2) + "\n").encode())

    @classmethod
    def read(cls, path: Path) -> "RunConfig":
        """The choices that `write` wrote.

        Raises:
            InputError: The file is missing or no such choices.
        """
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            raise InputError(f"Expected a run to resume, got no {path}.") from None
        except (OSError, TypeError, ValueError) as error:
            raise InputError(f"Expected the choices of a run, got {path} ({error}).") from None
