"""Compares the data of a run to resume with the fingerprints of the data with which the run was started. Does not import Keras."""

from pathlib import Path

import numpy as np

from dreamkeras.data.examples import Examples, fingerprint
from dreamkeras.errors import InputError
from dreamkeras.files.inputs import require_file
from dreamkeras.training.config import GENOME_FILES, RunConfig

__all__ = ["require_files", "require_same_data", "require_same_test", "test_fingerprint"]


def require_files(config: RunConfig, folder: Path) -> None:
    """Raises an error if a run cannot be resumed, because its data were read from a stream, which can be read only once.

    Raises:
        InputError: The data, the validation data or the test data were read from a stream.
    """
    for option, file in (*(("FILE", file) for file in config.files), ("--valid FILE", config.valid), ("--test FILE", config.test)):
        if file:
            require_file(file, f"save the same data as FILE, and run: dreamkeras train {option} --resume --out {folder}")


def require_same_data(training: Examples, validation: Examples, config: RunConfig, begun: RunConfig, folder: Path) -> None:
    """Raises an error if the data of a run to resume are not the data with which the run was started.

    Args:
        training: Training examples.
        validation: Validation examples.
        config: Configuration with which the run is resumed.
        begun: Stored configuration of the run.
        folder: Run folder.

    Raises:
        InputError: The fingerprint of the data differs from the stored fingerprint.
    """
    if fingerprint(training, validation) == begun.fingerprint:
        return
    if (config.data, config.valid, config.atac) == (begun.data, begun.valid, begun.atac):
        raise InputError(
            f"Cannot resume the run in {folder}: the data in {', '.join(config.files) or 'the simulation'} have changed since the run was "
            "started."
        )
    genome = [getattr(config.atac, name) for name in GENOME_FILES] if config.atac else []
    files = ", ".join(filter(None, (*config.files, config.valid, *genome)))
    raise InputError(f"Cannot resume the run in {folder}: the data in {files} differ from the data with which the run was started.")


def test_fingerprint(test: Examples | None) -> str | None:
    """Returns the fingerprint of test examples. None if there are none."""
    return None if test is None else fingerprint(test, test.select(np.arange(0)))


def require_same_test(test: Examples | None, config: RunConfig, begun: RunConfig, folder: Path) -> None:
    """Raises an error if the test set of a run to resume is not the test set with which the run was started.

    Raises:
        InputError: The fingerprint of the test examples differs from the stored fingerprint.
    """
    if begun.test_fingerprint is not None and test_fingerprint(test) != begun.test_fingerprint:
        raise InputError(
            f"Cannot resume the run in {folder}: the test data in {config.test or ', '.join(config.files)} differ from the test data with "
            "which the run was started."
        )
