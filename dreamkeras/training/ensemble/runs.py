"""Derives the configurations of the runs of an ensemble, which differ in their seeds and networks. Does not import Keras."""

import dataclasses
import itertools

from dreamkeras.training.config import AUTO, RunConfig
from dreamkeras.training.run_data import RunData, assay_of
from dreamkeras.training.strategy.length import default_size

__all__ = ["minutes_of_run", "run_configs", "with_size"]


def with_size(config: RunConfig, data: RunData) -> RunConfig:
    """Returns the configuration of an ensemble with a number of runs in place of `AUTO`. Each network has at least one run."""
    if config.ensemble != AUTO:
        return config
    size = default_size(len(data.training), assay_of(config).construct.length)
    return dataclasses.replace(config, ensemble=max(size, len(config.networks)))


def run_configs(config: RunConfig, parallel: int) -> dict[str, RunConfig]:
    """Returns the configuration of each run by the name of its folder, such as `seed-0`. Several networks alternate.

    Args:
        config: Configuration of the ensemble, as returned by `with_size`.
        parallel: Number of runs at a time.
    """
    shared = dataclasses.replace(config, ensemble=None, alternates=(), minutes=minutes_of_run(config, parallel))
    seeds = range(config.seed, config.seed + _size(config))
    pairs = zip(seeds, itertools.cycle(config.networks), strict=False)
    return {f"seed-{seed}": dataclasses.replace(shared, seed=seed, model=network) for seed, network in pairs}


def minutes_of_run(config: RunConfig, parallel: int) -> float | None:
    """Returns the time limit of each run, so that all runs together end within the time limit of the ensemble. None without a limit."""
    return config.minutes and config.minutes / -(-_size(config) // parallel)


def _size(config: RunConfig) -> int:
    return int(config.ensemble or 1)
