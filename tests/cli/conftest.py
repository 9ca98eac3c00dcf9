"""Fixtures that run the command line in this process and in a separate process, and a toy model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from toy_models import write_toy_model

from dreamkeras.cli.main import main


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory) -> Path:
    """Path of a model that counts bases."""
    pytest.importorskip("onnx")
    return write_toy_model(tmp_path_factory.mktemp("models") / "toy.onnx")


@pytest.fixture
def runner() -> CliRunner:
    """Runner of click, which separates standard output and standard error."""
    return CliRunner()


@pytest.fixture
def run(runner):
    """`run(*args, stdin=None)`: the command in this process; the result has exit_code, stdout and stderr."""

    def invoke(*args, stdin=None):
        result = runner.invoke(main, [str(arg) for arg in args], input=stdin, prog_name="dreamkeras")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def spawn():
    """`spawn(*args, **popen)`: the command in a process of its own, as it is run from a shell."""

    def run_process(*args, env=None, **options):
        command = [sys.executable, "-c", "from dreamkeras.cli.main import main; main(prog_name='dreamkeras')", *map(str, args)]
        options = {"capture_output": True, "text": True, "timeout": 300, **options}
        return subprocess.run(command, env={**os.environ, **(env or {})}, check=False, **options)

    return run_process
