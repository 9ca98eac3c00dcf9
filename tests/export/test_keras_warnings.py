"""Deprecation warnings of the frameworks are not errors of the user."""

import warnings

import pytest

pytest.importorskip("keras")
from dreamkeras.export.keras_settings import pinned_settings


@pytest.mark.parametrize("module", ["keras.src.backend", "tensorflow.python.ops", "jax.numpy"])
def test_deprecations_in_frameworks_are_ignored(module):
    with warnings.catch_warnings(), pinned_settings():
        warnings.warn_explicit("old", DeprecationWarning, f"{module}.py", 1, module=module)


def test_deprecations_elsewhere_stay_errors():
    with pytest.raises(DeprecationWarning, match="old"), warnings.catch_warnings(), pinned_settings():
        warnings.warn_explicit("old", DeprecationWarning, "mine.py", 1, module="mine")
