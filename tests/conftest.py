"""Fixtures shared by several test files, and the CPU share of each process in a parallel run."""

import atexit
import os
import signal
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

# No deadline, because any example can be slow on a busy machine. Separate tests check speed.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

# A shell ignores interrupts in its background processes, and programs started by tests would inherit this.
signal.signal(signal.SIGINT, signal.default_int_handler)


def take_a_share_of_the_cpus():
    """Restricts each of the `-n` processes and its children to a share of the CPUs, so that their threads do not compete."""
    if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "sched_setaffinity"):
        cpus, number = sorted(os.sched_getaffinity(0)), int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw"))
        os.sched_setaffinity(0, cpus[number :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])] or cpus)


def share_compiled_steps():
    """Sets a common JAX compilation cache, so that each step is compiled once for all processes of a test run."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="dreamkeras-jax-", ignore_cleanup_errors=True)
        atexit.register(folder.cleanup)
        os.environ |= {"JAX_COMPILATION_CACHE_DIR": folder.name, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}


def send_no_telemetry():
    """Disables the telemetry of ONNX Runtime, which many tests import directly and which sends reports unless `CI` is set."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


# Called immediately: the conftest.py files of subfolders import Keras, and backends read these settings when they are imported.
take_a_share_of_the_cpus()
share_compiled_steps()
send_no_telemetry()


def pytest_make_parametrize_id(config, val, argname):
    """Excludes bytes from test ids: gzip data contains a time stamp, but all processes must collect the same ids."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def the_same_numbers_each_time():
    """Seeds Keras before each test if it is imported, so that weights do not depend on the order of tests."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Returns the folder with `data/` (measurements) and `golden/`. Skips the test if there is none."""
    folder = Path(os.environ.get("DREAMKERAS_DATA") or Path(__file__).parents[2] / "shared")
    if not (folder / "data").is_dir():
        pytest.skip(f"{folder} has no measurements. Set DREAMKERAS_DATA to a folder with data/ and golden/.")
    return folder


@pytest.fixture
def server(monkeypatch):
    """Starts a `FileServer`. Requests do not use a proxy and are retried without a pause."""
    from file_server import file_server

    from dreamkeras.files import web

    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(web, "PAUSE", 0.0)
    with file_server() as running:
        yield running


@pytest.fixture(scope="session")
def s3():
    """Starts an S3 server."""
    pytest.importorskip("moto.server")
    from s3_server import s3_server

    with s3_server() as bucket:
        yield bucket


@pytest.fixture
def bucket(s3, monkeypatch):
    """Returns an empty bucket of the S3 server, and sets its credentials in the environment."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    s3.empty()
    return s3
