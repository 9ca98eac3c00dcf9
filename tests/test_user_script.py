"""The example of a user's script: it runs, and `mypy --strict` accepts it with the installed package."""

import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import numpy
import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples/user_script.py"
EXAMPLES = ROOT / "examples/promoters.fa"


def run_script(*args):
    return subprocess.run([sys.executable, SCRIPT, *map(str, args)], capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The Python of a new environment that has the package as a wheel installs it.

    mypy does not follow the import hook of an editable install.
    """
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("user")
    venv.create(folder, with_pip=False)
    # On Windows the folder is Lib/site-packages.
    (packages,) = [*folder.glob("lib/python*/site-packages"), *folder.glob("Lib/site-packages")]
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "dreamkeras", packages / "dreamkeras", ignore=ignored)
    for name in ("cli", "serving"):
        shutil.copytree(ROOT / name, packages / "dreamkeras" / name, ignore=ignored)
    (packages / "numpy.pth").write_text(f"{Path(numpy.__file__).parents[1]}\n")
    return next(path for path in (folder / "bin/python", folder / "Scripts/python.exe") if path.exists())


def test_it_prints_a_row_for_each_record():
    pytest.importorskip("onnxruntime")
    done = run_script(EXAMPLES)
    assert (done.returncode, done.stderr) == (0, "")
    header, *rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert header == ["id", "expression", "low", "high", "position", "base"]
    assert [row[0] for row in rows] == re.findall(r"^>(\S+)", EXAMPLES.read_text(), re.MULTILINE)
    for _, expression, low, high, position, base in rows:
        assert float(low) < float(expression) < float(high)
        assert int(position) >= 1
        assert base in set("ACGT")


def test_a_file_that_does_not_exist_is_one_line_on_standard_error(tmp_path):
    pytest.importorskip("onnxruntime")
    done = run_script(tmp_path / "no.fa")
    assert done.returncode == 1
    assert re.fullmatch(r"Error: .*no\.fa.*\n", done.stderr)


def test_mypy_accepts_it(installed, tmp_path):
    assert check_types(SCRIPT, installed, tmp_path) == "Success: no issues found in 1 source file"


def test_mypy_sees_the_types_of_the_package(installed, tmp_path):
    (tmp_path / "wrong.py").write_text(
        'import dreamkeras\n\ndreamkeras.load(device=1)\ndreamkeras.load().predict("ACGT", batch_size="many")\n'
    )
    found = check_types(tmp_path / "wrong.py", installed, tmp_path)
    assert found.count("[call-overload]") == 1
    assert found.count("[arg-type]") == 1


def check_types(script, python, folder):
    """Runs mypy on a script without the settings of this project, and returns its report."""
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        f"--cache-dir={folder}/cache",
        f"--python-executable={python}",
        script,
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300).stdout.strip()
