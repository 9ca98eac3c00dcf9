"""A fingerprint of examples, by which those that a run began with are told from others."""

import hashlib

import numpy as np

from dreamkeras.data.examples import Examples

__all__ = ["fingerprint"]


def fingerprint(training: Examples, validation: Examples) -> str:
    """A hash of what is trained and validated on."""
    digest = hashlib.sha256()
    for examples in (training, validation):
        weights = () if examples.weights is None else (examples.weights,)
        profiles = () if examples.profiles is None else (examples.profiles,)
        for values in (examples.letters, examples.flags, examples.targets, *weights, *profiles):
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
