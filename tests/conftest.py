"""Fixtures that more than one test file needs."""

import os
import signal
from pathlib import Path

import hypothesis
import pytest

# What else runs on the machine must not decide whether a test passes.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")

# A shell starts what it runs in the background with interrupts ignored, and programs that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that holds `data/` (real measurements) and `golden/`; the test is skipped where there is none."""
    folder = Path(os.environ.get("DREAMKERAS_DATA") or Path(__file__).parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"no measurements in {folder}: set DREAMKERAS_DATA to a folder that holds data/ and golden/")
    return folder


@pytest.fixture
def server(monkeypatch):
    """A `FileServer`; requests go to it without a proxy, and are repeated without a pause."""
    from file_server import file_server

    from dreamkeras.data import web

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(web, "PAUSE", 0.0)
    with file_server() as running:
        yield running
