"""RunConfig: all that is needed to repeat a training run, as it stands in the run folder's config.json."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.registry import ATAC, TABLE
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.files.outputs import write_text
from dreamkeras.models.names import FORMAT, model_in
from dreamkeras.training.names import BACKENDS, PRECISIONS

__all__ = ["GIVEN", "SIMULATED", "RunConfig"]

GIVEN = "given"
"""In place of a number of folds: those that the data's authors chose."""

MOST_TEST_SHIFTS = 16
"""A prediction then takes 33 windows."""

SIMULATED_ASSAY = "yeast"
"""The assay whose measurements can be simulated."""

SIMULATED = 20_000
"""Promoters in a simulated library where nothing else is chosen."""


@dataclass(frozen=True)
class RunConfig:
    """The choices of a training run.

    Args:
        data: File of measured sequences; None trains on a simulated library.
        valid: File to validate on. At most one of this and the next two is chosen; with none, a tenth of the data is held out.
        valid_fold: Fold of the data to validate on, or chromosome, which their ids begin with.
        valid_fraction: Share of the data to validate on, drawn by the split's seed.
        folds: Number of folds that the split's seed draws, or `"given"` for the data's own: each is validated on by a run of its own, or
            `valid_fold` chooses one that was drawn. None has no cross-validation.
        assay: What was measured; see `data.assays.registry`.
        model: Which network; see `models.presets`.
        strategy: How it is trained; see `training.strategy.strategies`. None takes the network's own.
        backend: Keras's backend; None takes the one that Keras runs on where the run begins, which refuses another.
        epochs: Passes over the examples; None takes the strategy's, or as many as `steps` need.
        steps: Optimiser steps in all, after which the epoch they end in is validated; at most one of this and `epochs` is chosen.
        batch_size: Examples a step; None takes the strategy's, halved until an epoch has 100 steps, but not below 32.
        learning_rate: Highest learning rate; None takes the network's or the strategy's.
        optimizer: One of `training.strategy.strategies.OPTIMIZERS`; None takes the strategy's.
        loss: One of `training.strategy.losses.LOSSES`; None takes the strategy's, or else the final block's.
        ema: Share that the moving average of the weights keeps at each step; the average is validated and saved. None has no average.
        mask: Share of the bases that are masked and to be told; None takes the strategy's.
        detect_mutations: Share of the bases that are exchanged and to be detected.
        slide: Most letters that a window is slid by in each epoch, either way; `N` enters.
        jitter: Standard deviation of the noise on the targets of singletons, in the assay's units.
        balance: Whether every bin of the targets comes equally often; an epoch is then not every example once.
        test_shifts: Predictions are means over windows shifted by up to this many letters either way, 16 at most.
        patience: Epochs without improvement of the validation r after which training ends; None trains them all.
        minutes: Time in training after which the run ends with the epoch it is in; None trains on.
        precision: One of `PRECISIONS`.
        init_from: Run folder or `.keras` file whose weights the run starts with; see `training.warm_start`. None starts with fresh ones.
        freeze: Blocks of it that stay as they are: any of `"first"`, `"core"`.
        body_rate: Share of the learning rate that the first and the core block are trained with; None: all of it.
        seed: Of the weights, the order and the dropout.
        split_seed: Of the simulated library and of the split, so that runs of several seeds validate on the same; None takes `seed`.
        simulated: Promoters to simulate where `data` is None: 20,000 if not chosen; None where there are data.
        table: Layout of the data where the assay is `table`; None for every other.
        atac: Genome, reads and windows where the assay is `atac`; None for every other.
        bias: Run folder or `.keras` file of a network of the enzyme's bias, which stays as it is; see `models.bias`. None has none.
        construct: What sequences of the user's own table are in, as the run began with it; None before, in runs of older versions and
            for other assays.
        fingerprint: Of the examples that the run began with, so that it is resumed with no others; None before it begins.

    Raises:
        InputError: A number is out of range, a precision unknown, or two alternatives are chosen.
    """

    data: str | None = None
    valid: str | None = None
    valid_fold: int | str | None = None
    valid_fraction: float | None = None
    folds: int | str | None = None
    assay: str = "yeast"
    model: str = "dream-cnn-small"
    strategy: str | None = None
    backend: str | None = None
    epochs: int | None = None
    steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    optimizer: str | None = None
    loss: str | None = None
    ema: float | None = None
    mask: float | None = None
    detect_mutations: float = 0.0
    slide: int = 0
    jitter: float = 0.0
    balance: bool = False
    test_shifts: int = 0
    patience: int | None = None
    minutes: float | None = None
    precision: str = "float32"
    init_from: str | None = None
    freeze: tuple[str, ...] = ()
    body_rate: float | None = None
    seed: int = 0
    split_seed: int | None = None
    simulated: int | None = None
    table: TableLayout | None = None
    atac: AtacLayout | None = None
    bias: str | None = None
    construct: dict[str, Any] | None = None
    fingerprint: str | None = None

    def __post_init__(self) -> None:
        if self.data is None and self.assay != SIMULATED_ASSAY:
            raise InputError(f"Expected data for assay {self.assay!r}, got none: only {SIMULATED_ASSAY} promoters are simulated.")
        self._check_layouts()
        if self.data is not None and self.simulated is not None:
            raise InputError(f"Expected data or a number of promoters to simulate, got {self.data} and {self.simulated}.")
        if self.data is None and self.simulated is None:
            object.__setattr__(self, "simulated", SIMULATED)
        self._check_numbers()
        self._check_texts()
        self._check_transfer()
        self._check_alternatives("validation sequences", "valid", "valid_fold", "valid_fraction")
        self._check_alternatives("validation sequences", "valid", "valid_fraction", "folds")
        self._check_alternatives("length", "epochs", "steps")
        self._check_folds()
        if self.backend not in (None, *BACKENDS):
            raise InputError(f"Expected a backend among {', '.join(BACKENDS)}, got {self.backend!r}.")
        if self.precision not in PRECISIONS:
            raise InputError(f"Expected precision among {', '.join(PRECISIONS)}, got {self.precision!r}.")
        for seed in (self.seed, self.seed_of_split):
            if not 0 <= seed < 2**32:
                raise InputError(f"Expected a seed from 0 to {2**32 - 1}, got {seed}.")

    def _check_layouts(self) -> None:
        layouts = {TABLE: (self.table, "the columns of a table (--target-column)"), ATAC: (self.atac, "a genome and its reads (--genome)")}
        for assay, (layout, parts) in layouts.items():
            if (self.assay == assay) != (layout is not None):
                wanted = parts if self.assay == assay else f"assay {assay!r} for {parts.split(' (')[0]}"
                raise InputError(f"Expected {wanted}, got assay {self.assay!r}{' alone' if self.assay == assay else ''}.")
        if self.atac is None and self.bias is not None:
            raise InputError(f"Expected assay {ATAC!r} for a network of the enzyme's bias, got assay {self.assay!r}.")
        unfit = [name for name in ("slide", "jitter", "balance", "test_shifts", "loss", "folds") if self.atac and getattr(self, name)]
        if unfit:
            raise InputError(f"Expected no {unfit[0]} for assay {ATAC!r}, got {getattr(self, unfit[0])}.")

    def _check_numbers(self) -> None:
        for name in ("epochs", "steps", "batch_size", "learning_rate", "patience", "minutes", "simulated"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"Expected {name} above 0, got {value}.")
        for name in ("slide", "jitter", "test_shifts"):
            if not getattr(self, name) >= 0:
                raise InputError(f"Expected {name} of 0 or more, got {getattr(self, name)}.")
        if self.test_shifts > MOST_TEST_SHIFTS:
            raise InputError(f"Expected test_shifts up to {MOST_TEST_SHIFTS}, 2N + 1 windows a prediction, got {self.test_shifts}.")
        for name in ("mask", "detect_mutations", "ema"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise InputError(f"Expected {name} from 0 to below 1, got {value}.")

    def _check_texts(self) -> None:
        for name, value in vars(self).items():
            if value == "":  # would pass for None
                raise InputError(f"Expected {name} to be None or a text, got an empty one.")

    def _check_transfer(self) -> None:
        object.__setattr__(self, "freeze", tuple(self.freeze))  # JSON and TOML have lists
        if unknown := sorted(set(self.freeze) - {"first", "core"}):
            raise InputError(f"Expected blocks to freeze among first and core, got {', '.join(unknown)}.")
        if self.body_rate is not None and not 0 < self.body_rate <= 1:
            raise InputError(f"Expected body_rate above 0 and up to 1, got {self.body_rate}.")
        if self.init_from is None and (self.freeze or self.body_rate is not None):
            raise InputError("Expected a model to start from (init_from) for blocks that are frozen or slowed down, got none.")

    def _check_folds(self) -> None:
        number = isinstance(self.folds, int) and self.folds >= 2
        if self.folds not in (None, GIVEN) and not number:
            raise InputError(f"Expected folds to be 2 or more, or {GIVEN!r}, got {self.folds!r}.")
        if self.valid_fold is not None and self.folds == GIVEN:
            raise InputError(f"Expected one choice of validation sequences, got valid_fold and folds {GIVEN!r}.")

    @property
    def is_cross_validation(self) -> bool:
        """Whether these are the choices of a run for each fold."""
        return self.folds is not None and self.valid_fold is None

    @property
    def layout(self) -> TableLayout | AtacLayout | None:
        """What the assay is made of, where it has no construct of its own."""
        return self.table or self.atac

    @property
    def seed_of_split(self) -> int:
        """What the simulated library and the split are drawn by."""
        return self.seed if self.split_seed is None else self.split_seed

    def _check_alternatives(self, what: str, *names: str) -> None:
        chosen = [name for name in names if getattr(self, name) is not None]
        if len(chosen) > 1:
            raise InputError(f"Expected one choice of {what}, got {' and '.join(chosen)}.")

    def write(self, path: Path) -> None:
        """Writes the fields as JSON; the file appears whole or not at all."""
        write_text(path, json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "RunConfig":
        """The choices that `write` wrote.

        Raises:
            InputError: The file is missing or no such choices.
        """
        try:
            fields = json.loads(path.read_text())
            if "model" in fields:
                fields["model"] = model_in(fields)
            fields.pop("format", None)
            for name, layout in (("table", TableLayout), ("atac", AtacLayout)):
                if fields.get(name):
                    fields[name] = layout.from_json(fields[name])
            return cls(**fields)
        except FileNotFoundError:
            raise InputError(f"Expected a run to resume, got no {path}.") from None
        except (OSError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"Expected the choices of a run, got {path} ({error}).") from None
