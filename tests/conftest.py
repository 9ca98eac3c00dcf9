"""Fixtures that more than one test file needs, and what each process of a parallel run gets of the machine."""

import atexit
import os
import signal
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

# No deadline: on a busy machine any example may take long, and what is meant to be fast has tests of its own.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

# A shell starts what it runs in the background with interrupts ignored, and programs that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def take_a_share_of_the_cpus():
    """Each of `-n` processes, and what it starts, keeps to its share of the CPUs: no library's threads wait for another's."""
    if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_setaffinity"):
        cpus, number = sorted(os.sched_getaffinity(0)), int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        os.sched_setaffinity(0, cpus[number :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])] or cpus)


def share_compiled_steps():
    """JAX compiles a step once for all processes of a run of tests."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="dreamkeras-jax-", ignore_cleanup_errors=True)
        atexit.register(folder.cleanup)
        os.environ |= {"JAX_COMPILATION_CACHE_DIR": folder.name, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


def send_no_telemetry():
    """Many tests import ONNX Runtime themselves, and it reports from where `CI` is not set."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


# Now: the folders' own conftest.py import Keras, and backends look once, when they are imported.
take_a_share_of_the_cpus()
share_compiled_steps()
send_no_telemetry()


def pytest_make_parametrize_id(config, val, argname):
    """Bytes name no test: gzip's hold the second they were made in, and all processes have to collect the same tests."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def the_same_numbers_each_time():
    """A test draws the same weights in any order and on any process, if Keras is imported before it: none fails once in a hundred runs."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


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

    from dreamkeras.files import web

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(web, "PAUSE", 0.0)
    with file_server() as running:
        yield running


@pytest.fixture(scope="session")
def s3():
    """An S3 server."""
    pytest.importorskip("moto.server")
    from s3_server import s3_server

    with s3_server() as bucket:
        yield bucket


@pytest.fixture
def bucket(s3, monkeypatch):
    """Its bucket, empty, and in the environment what is needed to use it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    s3.empty()
    return s3
