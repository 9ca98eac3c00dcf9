"""RunConfig: the configuration of a training run, stored as `config.json` in the run folder, so that the run can be repeated."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.registry import ATAC, TABLE
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.splits.names import HOLDOUTS, LEGACY
from dreamkeras.errors import InputError, OnError, check_on_error
from dreamkeras.files.documents import read_json
from dreamkeras.files.inputs import listed_files
from dreamkeras.files.outputs import write_text
from dreamkeras.formats.decimals import LARGEST, is_float32
from dreamkeras.models.names import FORMAT, model_in
from dreamkeras.training.names import BACKENDS, KEEP, LARGEST_SEED, MOST_TEST_SHIFTS, PRECISIONS

__all__ = ["AUTO", "GENOME_FILES", "GIVEN", "SIMULATED", "RunConfig", "renamed"]

AUTO = "auto"
"""Value of `RunConfig.ensemble` for a number that depends on the data."""

FILES = ("data", "valid", "test", "init_from", "bias")
"""Fields of `RunConfig` that are paths."""

GENOME_FILES = ("genome", "signal", "nonpeaks")
"""Fields of `AtacLayout` that are paths."""

GIVEN = "given"
"""Value of `folds` that selects the folds in the fold column of the data, instead of random folds."""

SIMULATED_ASSAY = "yeast"
"""Name of the assay whose measurements can be simulated."""

SIMULATED = 20_000
"""Default number of promoters in a simulated library."""


def renamed(paths: str | Sequence[str], rename: Callable[[str], str]) -> str | tuple[str, ...]:
    """Returns the path of a file, or the paths of several files, with `rename` applied."""
    return rename(str(paths)) if isinstance(paths, str | PathLike) else tuple(rename(str(path)) for path in paths)


@dataclass(frozen=True)
class RunConfig:
    """Configuration of a training run.

    Args:
        data: File of measured sequences, or several files with the same columns. If None, the run trains on a simulated library.
        valid: File of validation sequences. At most one of `valid`, `valid_fold` and `valid_fraction` may be set. By default, a tenth of
            the data is held out.
        valid_fold: Fold or chromosome whose sequences are the validation set, looked up as for `test_fold`.
        valid_fraction: Fraction of the data to hold out for validation. The validation set is drawn at random with the seed of the split.
        holdout: Rule by which validation sequences and random folds are drawn: one of `data.splits.names.HOLDOUTS`, or `LEGACY` in runs of
            older versions, which keep their split. The value has no effect if the validation sequences are not drawn.
        test: File of test sequences, on which the trained model is evaluated at the end. At most one of `test` and `test_fold` may be set.
        test_fold: Fold or chromosome whose sequences are the test set. The run neither trains nor validates on them. The fold is looked up
            in the fold column or, if there is none, in the ids.
        folds: Number of folds into which the data are divided at random, or `"given"` if the data have a fold column. Each fold is the
            validation set of a separate run, unless `valid_fold` selects a single fold. If None, there is no cross-validation.
        assay: Name of the assay. See `data.assays.registry`.
        model: Name of the network, or the names of its blocks. See `models.presets`.
        alternates: Further networks of an ensemble. Its runs train `model` and the alternates in turn.
        strategy: Name of the training strategy. See `training.strategy.strategies`. If None, the default strategy of the network is used.
        backend: Keras backend that the run requires. If None, the run uses the backend that Keras already uses.
        epochs: Number of passes over the examples. If None, the number follows from `steps` or, if `steps` is also None, from the number of
            training sequences. See `training.strategy.length`.
        steps: Total number of optimiser steps. The last epoch is validated even if it is incomplete. At most one of `steps` and `epochs`
            may be set.
        batch_size: Examples per step. If None, the batch size of the strategy is halved until an epoch has at least 100 steps or the batch
            size is at most 32.
        learning_rate: Peak learning rate. If None, the peak learning rate of the strategy is used. In a one-cycle schedule, the rate of the
            strategy is limited to the maximum learning rate of the core block.
        optimizer: One of `training.strategy.strategies.OPTIMIZERS`. If None, the optimiser of the strategy is used.
        loss: One of `training.strategy.losses.LOSSES`. If None, the loss of the strategy is used. If the strategy has no loss, the loss of
            the final block is used.
        ema: Decay of the exponential moving average of the weights. The averaged weights are validated and saved. If None, no average is
            computed.
        mask: Fraction of bases that are masked. The network is trained to predict the masked bases. If None, the fraction of the strategy
            is used.
        detect_mutations: Fraction of bases that are mutated. The network is trained to detect the mutated bases.
        slide: Maximum number of bases by which a training window is shifted at random in each epoch, in either direction. The gap in a
            shifted window is filled with `N`.
        jitter: Standard deviation of the noise added to the targets of sequences that were measured in a single read or cell (singletons),
            in the units of the assay.
        balance: Whether to draw examples equally often from all bins of target values, instead of using each example once per epoch.
        test_shifts: Maximum shift in bases, at most 16. A prediction is the mean over windows that are shifted by up to this number of
            bases in either direction.
        patience: Number of epochs without improvement of the validation r after which training stops. If None, all epochs are trained.
        minutes: Time limit in minutes. When the run starts, the number of steps is reduced so that its schedule is expected to end within
            this time. If this time has passed at the end of an epoch, the run stops. The limit of an ensemble applies to all of its runs
            together. If None, there is no time limit.
        keep: Epoch whose weights are saved, one of `KEEP`. See `training.epochs.choice`.
        precision: One of `PRECISIONS`.
        init_from: Run folder or `.keras` file with the initial weights. See `training.warm_start`. If None, the initial weights are random.
        freeze: Blocks that start with the weights of `init_from` and are not trained. The possible blocks are `"first"` and `"core"`.
        body_rate: Learning rate of the first and the core block, as a fraction of the learning rate of the final block. If None, all blocks
            have the same learning rate.
        seed: Random seed for the initial weights, the order of examples, the augmentation and dropout.
        ensemble: Number of runs, at least 2, that become one model. The runs have the seeds `seed`, `seed + 1` and so on, and the same
            split. If `AUTO`, the number depends on the data; see `strategy.length.default_size`. If None, there is a single run.
        split_seed: Random seed for the simulated library and for the split. Runs with the same `split_seed` validate on the same sequences.
            If None, `seed` is used.
        learning_curve: Whether to train also on a quarter and on a half of the training sequences. See `training.learning_curve`.
        simulated: Number of promoters to simulate if `data` is None. Defaults to 20,000. The value is None if `data` is set.
        table: Layout of the data for the assay `table`. The value is None for all other assays.
        atac: Genome, reads and windows for the assay `atac`. The value is None for all other assays.
        bias: Run folder or `.keras` file of a bias model, which predicts the sequence bias of the enzyme. The bias model is not trained.
            See `models.bias`. If None, there is no bias model.
        on_error: Action for invalid rows of the data, and for regions that are not in the genome: `"fail"` raises an error, and `"skip"`
            skips and counts them.
        construct: Construct of the sequences in the user's own table, stored when the run starts. The value is None if the run has not
            started, was started by an older version, or has another assay than `table`.
        fingerprint: Fingerprint of the examples, stored when the run starts. A run can only be resumed with examples that have the same
            fingerprint. The value is None before the run starts.
        test_fingerprint: Fingerprint of the test examples, stored when the run starts. The value is None if there are none.
        fitted_steps: Total number of optimiser steps for which the schedule of a run with `minutes` was shortened, stored when the run
            starts. The value is None before the run starts, and for runs that were not shortened.
        extended_after: Numbers of epochs after which `training.run.resume` changed the length of the run. The result of an extended run
            differs from one run of the same length. The results of a run omit the last number while no epoch was added after it.

    Raises:
        InputError: A number is out of range, a precision is unknown, or two options that exclude each other are set.
    """

    data: str | tuple[str, ...] | None = None
    valid: str | None = None
    valid_fold: int | str | None = None
    valid_fraction: float | None = None
    holdout: str = "auto"
    test: str | None = None
    test_fold: int | str | None = None
    folds: int | str | None = None
    assay: str = "yeast"
    model: str = "dream-cnn-small"
    alternates: tuple[str, ...] = ()
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
    keep: str = "auto"
    precision: str = "float32"
    init_from: str | None = None
    freeze: tuple[str, ...] = ()
    body_rate: float | None = None
    seed: int = 0
    ensemble: int | str | None = None
    split_seed: int | None = None
    learning_curve: bool = False
    simulated: int | None = None
    table: TableLayout | None = None
    atac: AtacLayout | None = None
    bias: str | None = None
    on_error: OnError = "fail"
    construct: dict[str, Any] | None = None
    fingerprint: str | None = None
    test_fingerprint: str | None = None
    fitted_steps: int | None = None
    extended_after: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._settle_files()
        if self.data is None and self.assay != SIMULATED_ASSAY:
            raise InputError(f"Assay {self.assay!r} requires data, because only {SIMULATED_ASSAY} promoters can be simulated.")
        self._check_layouts()
        if self.data is not None and self.simulated is not None:
            raise InputError(f"Set at most one of data and simulated, got data={self.data} and simulated={self.simulated}.")
        if self.data is None and self.simulated is None:
            object.__setattr__(self, "simulated", SIMULATED)
        check_on_error(self.on_error)
        self._check_numbers()
        self._check_precision()
        self._check_texts()
        self._check_transfer()
        self._check_alternatives("validation sequences", "valid", "valid_fold", "valid_fraction")
        self._check_alternatives("validation sequences", "valid", "valid_fraction", "folds")
        self._check_alternatives("test sequences", "test", "test_fold")
        self._check_alternatives("length of training", "epochs", "steps")
        self._check_folds()
        self._check_holdout()
        self._check_ensemble()
        if self.backend not in (None, *BACKENDS):
            raise InputError(f"Expected one of the backends {', '.join(BACKENDS)}, got {self.backend!r}.")
        if self.precision not in PRECISIONS:
            raise InputError(f"Expected one of the precisions {', '.join(PRECISIONS)}, got {self.precision!r}.")
        if self.keep not in KEEP:
            raise InputError(f"Expected keep to be one of {', '.join(KEEP)}, got {self.keep!r}.")
        for seed in (self.seed, self.seed_of_split):
            if not 0 <= seed <= LARGEST_SEED:
                raise InputError(f"Expected a seed from 0 to {LARGEST_SEED}, got {seed}.")

    def _settle_files(self) -> None:
        """Replaces a list of several data files by a tuple, and a list of one file by the file."""
        files = self.files
        if self.data is not None and not files:
            raise InputError("Expected one or more files of data, got an empty list.")
        if repeated := [file for file in files if files.count(file) > 1]:
            raise InputError(f"Expected different files of data, got {repeated[0]} twice.")
        if self.atac and len(files) > 1:
            raise InputError(f"Assay {ATAC!r} reads one file of peaks, got {len(files)} files: {', '.join(files)}.")
        if self.data is not None:
            object.__setattr__(self, "data", files[0] if len(files) == 1 else files)

    def _check_layouts(self) -> None:
        layouts = {TABLE: (self.table, "the columns of a table (--target-column)"), ATAC: (self.atac, "a genome and its reads (--genome)")}
        for assay, (layout, parts) in layouts.items():
            if (self.assay == assay) != (layout is not None):
                if self.assay == assay:
                    raise InputError(f"Assay {assay!r} requires {parts}.")
                raise InputError(f"Only assay {assay!r} uses {parts.split(' (')[0]}, got assay {self.assay!r}.")
        if self.atac is None and self.bias is not None:
            raise InputError(f"A bias model requires assay {ATAC!r}, got assay {self.assay!r}.")
        kinds = self.table.kinds if self.table else ()
        if self.loss and kinds and "value" not in kinds:
            raise InputError(f"The loss {self.loss} requires a task of the kind value, got {', '.join(kinds)}.")
        unsupported = ("slide", "jitter", "balance", "test_shifts", "loss", "folds", "ensemble")
        unfit = [name for name in unsupported if self.atac and getattr(self, name)]
        if unfit:
            raise InputError(f"Assay {ATAC!r} does not support {unfit[0]}, got {unfit[0]}={getattr(self, unfit[0])}.")

    def _check_numbers(self) -> None:
        for name in ("epochs", "steps", "batch_size", "learning_rate", "patience", "minutes", "simulated"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"Expected {name} above 0, got {value}.")
        for name in ("slide", "jitter", "test_shifts"):
            if not getattr(self, name) >= 0:
                raise InputError(f"Expected {name} of 0 or more, got {getattr(self, name)}.")
        if self.test_shifts > MOST_TEST_SHIFTS:
            raise InputError(
                "Each prediction requires 2 * test_shifts + 1 windows. "
                f"Expected test_shifts up to {MOST_TEST_SHIFTS}, got {self.test_shifts}."
            )
        for name in ("mask", "detect_mutations", "ema"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise InputError(f"Expected {name} from 0 to below 1, got {value}.")

    def _check_precision(self) -> None:
        for name in ("learning_rate", "body_rate", "ema", "mask", "detect_mutations", "jitter"):
            if not is_float32(getattr(self, name) or 0):
                raise InputError(f"Expected {name} in the range of float32, 1.2e-38 to 3.4e38, got {getattr(self, name)}.")
        if self.jitter > LARGEST:
            raise InputError(f"Expected jitter of at most {LARGEST:g}, the largest measured value, got {self.jitter}.")
        if self.ema is not None and np.float32(self.ema) == 1:
            raise InputError(f"Expected ema to be below 1 in float32, got {self.ema}, which is rounded to 1.")

    def _check_texts(self) -> None:
        for name, value in vars(self).items():
            if value == "" or (name == "data" and "" in self.files):  # otherwise, an empty string would be treated like None
                raise InputError(f"Expected None or text for {name}, got an empty string.")

    def _check_transfer(self) -> None:
        for name in ("freeze", "extended_after"):  # JSON and TOML files contain lists, because they have no tuples
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if unknown := sorted(set(self.freeze) - {"first", "core"}):
            raise InputError(f"Only the blocks first and core can be frozen, got {', '.join(unknown)}.")
        if self.body_rate is not None and not 0 < self.body_rate <= 1:
            raise InputError(f"Expected body_rate above 0 and up to 1, got {self.body_rate}.")
        if self.init_from is None and (self.freeze or self.body_rate is not None):
            raise InputError("freeze and body_rate require a model to start from. Set init_from.")

    def _check_folds(self) -> None:
        number = isinstance(self.folds, int) and self.folds >= 2
        if self.folds not in (None, GIVEN) and not number:
            raise InputError(f"Expected folds to be an integer of at least 2 or {GIVEN!r}, got {self.folds!r}.")
        if self.test_fold is not None and self.test_fold == self.valid_fold and not number:  # drawn folds have numbers of their own
            raise InputError(f"Expected different folds for valid_fold and test_fold, got {self.test_fold!r} for both.")
        if self.valid_fold is not None and self.folds == GIVEN:
            raise InputError(f"Set only one of valid_fold and folds={GIVEN!r}.")
        if self.learning_curve and self.is_cross_validation:
            raise InputError("A learning curve requires a single run. Set valid_fold, or omit folds.")
        if self.learning_curve and self.ensemble:
            raise InputError("A learning curve requires a single run. Omit ensemble.")

    def _check_holdout(self) -> None:
        if self.holdout not in (*HOLDOUTS, LEGACY):
            raise InputError(f"Expected holdout to be one of {', '.join(HOLDOUTS)}, got {self.holdout!r}.")
        if self.atac and self.holdout not in ("auto", LEGACY):
            raise InputError(f"Assay {ATAC!r} holds out complete chromosomes and does not support holdout={self.holdout}.")

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the data files. The tuple is empty if the data are simulated."""
        return listed_files(self.data)

    def _check_ensemble(self) -> None:
        object.__setattr__(self, "alternates", tuple(self.alternates))
        if self.ensemble is None:
            if self.alternates:
                raise InputError(f"Several networks require an ensemble, got {', '.join(self.networks)}.")
            return
        size = len(self.networks) if self.ensemble == AUTO else self.ensemble
        if not isinstance(size, int):
            raise InputError(f"Expected ensemble to be {AUTO!r} or a number, got {self.ensemble!r}.")
        if self.ensemble != AUTO and size < 2:
            raise InputError(f"Expected ensemble to be at least 2, got {size}.")
        if size < len(self.networks):
            raise InputError(f"Expected ensemble to be at least {len(self.networks)}, the number of networks, got {size}.")
        if self.is_cross_validation:
            raise InputError("Set only one of ensemble and folds, or select a single fold with valid_fold.")
        if self.seed + size - 1 > LARGEST_SEED:
            raise InputError(f"Expected a seed of at most {LARGEST_SEED - size + 1} for {size} runs, got {self.seed}.")

    @property
    def networks(self) -> tuple[str, ...]:
        """Names of all networks of the run or ensemble."""
        return (self.model, *self.alternates)

    @property
    def is_cross_validation(self) -> bool:
        """Whether the configuration describes a cross-validation, which has a run for each fold."""
        return self.folds is not None and self.valid_fold is None

    @property
    def layout(self) -> TableLayout | AtacLayout | None:
        """Layout of the data for the assay `table` or `atac`. The value is None for assays with a fixed construct."""
        return self.table or self.atac

    @property
    def seed_of_split(self) -> int:
        """Random seed for the simulated library and for the split."""
        return self.seed if self.split_seed is None else self.split_seed

    def _check_alternatives(self, what: str, *names: str) -> None:
        chosen = [name for name in names if getattr(self, name) is not None]
        if len(chosen) > 1:
            raise InputError(f"Set only one of the options that determine the {what}, got {' and '.join(chosen)}.")

    def with_files(self, rename: Callable[[str], str]) -> "RunConfig":
        """Returns the configuration with `rename` applied to the paths of all files."""
        files: dict[str, Any] = {name: renamed(paths, rename) for name in FILES if (paths := getattr(self, name))}
        if self.atac:
            names: dict[str, Any] = {name: rename(str(file)) for name in GENOME_FILES if (file := getattr(self.atac, name))}
            files["atac"] = dataclasses.replace(self.atac, **names)
        return dataclasses.replace(self, **files)

    def write(self, path: Path) -> None:
        """Writes the configuration to a JSON file, which appears only when complete."""
        write_text(path, json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, indent=2) + "\n")

    @classmethod
    def read(cls, path: Path) -> "RunConfig":
        """Reads a configuration that `write` wrote.

        Raises:
            InputError: The file is missing or malformed.
        """
        if not path.exists():
            raise InputError(f"No run to resume: {path} does not exist.")
        fields = read_json(path)
        try:
            if "model" in fields:
                fields["model"] = model_in(fields)
            fields.pop("format", None)
            fields.setdefault("holdout", LEGACY)  # versions without this field drew the validation sequences in another way
            fields.setdefault("keep", "best")  # older versions always kept the best epoch
            for name, layout in (("table", TableLayout), ("atac", AtacLayout)):
                if fields.get(name):
                    fields[name] = layout.from_json(fields[name])
            return cls(**fields)
        except (TypeError, ValueError, AttributeError) as error:
            raise InputError(f"Cannot read {path} as the configuration of a run: {error}.") from None
