"""Imports and commands on systems that lack functions of Linux. `other_system.imitate` removes these functions."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dreamkeras.scoring.predictor import PACKAGED_MODEL

pytest.importorskip("onnxruntime")
pytest.importorskip("matplotlib")

ROOT = Path(__file__).parents[1]
PROMOTERS, GENOME, VARIANTS = (str(ROOT / "examples" / name) for name in ("promoters.fa", "genome.fa", "variants.vcf"))

START = """
import importlib, json, pkgutil, sys
from other_system import imitate
system, names = sys.argv[1], json.loads(sys.argv[2])
"""
IMPORT = f"""{START}
if "training" in names:
    import keras
imitate(system)
for name in names:
    room = importlib.import_module(f"dreamkeras.{{name}}")
    for module in pkgutil.walk_packages(getattr(room, "__path__", ()), f"dreamkeras.{{name}}."):
        print(importlib.import_module(module.name).__name__)
"""
RUN = f"""{START}
imitate(system)
from dreamkeras.cli.main import main
for command in names:
    try:
        main(command, prog_name="dreamkeras")
    except SystemExit as done:
        if done.code:
            raise
"""
COMMANDS = [
    ["predict", PROMOTERS],
    ["predict", PROMOTERS, "-o", "new.tsv"],
    ["predict", PROMOTERS, "-o", "new.tsv"],  # replaces the file
    ["predict", PROMOTERS, "-o", "packed.tsv.gz"],
    ["predict", PROMOTERS, "-o", "resumed.tsv", "--resume"],
    ["predict", "-", "--dry-run"],  # reads standard input twice
    ["variants", VARIANTS, "--genome", "genome.fa", "--threads", "2", "-o", "effects.tsv"],
    ["evaluate", "measured.tsv", "-m", str(PACKAGED_MODEL), "--assay", "table", "--target-column", "expression", "-o", "report"],
]
KERAS_ROOMS = {"layers", "models", "export", "training"}


def start(code, system, names, **options):
    command = [sys.executable, "-c", code, system, json.dumps(names)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT / "tests")}, capture_output=True, check=False, timeout=600, **options
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """`results(system)`: standard output of all `COMMANDS` on a system, and the folder with their files."""
    done = {}

    def run(system):
        if system not in done:
            folder = tmp_path_factory.mktemp(system)
            (folder / "genome.fa").write_bytes(Path(GENOME).read_bytes())
            rows = [f"{base * 80}\t{number}\n" for number, base in enumerate("ACGT" * 3)]
            (folder / "measured.tsv").write_text("sequence\texpression\n" + "".join(rows))
            done[system] = start(RUN, system, COMMANDS, input=Path(PROMOTERS).read_bytes(), cwd=folder), folder
        return done[system]

    return run


def rooms():
    return {path.name for path in (ROOT / "dreamkeras").iterdir() if (path / "__init__.py").exists()} | {"cli", "environment", "errors"}


@pytest.mark.parametrize("system", ["this", "windows", "macos"])
def test_everything_that_scores_is_imported(system):
    imported = start(IMPORT, system, sorted(rooms() - KERAS_ROOMS)).decode().split()
    assert {"dreamkeras.cli.commands.predict", "dreamkeras.scoring.predictor", "dreamkeras.files.inputs"} <= set(imported)


def test_everything_that_trains_is_imported():
    pytest.importorskip("keras")
    assert "dreamkeras.training.worker" in start(IMPORT, "windows", sorted(KERAS_ROOMS)).decode().split()


@pytest.mark.parametrize("system", ["this", "windows", "macos"])
class TestCommands:
    def test_predictions_are_the_same_everywhere(self, results, system):
        printed, folder = results(system)
        wanted = (results("this")[1] / "new.tsv").read_bytes()
        assert wanted.count(b"\n") == 9
        assert printed.startswith(wanted)
        assert (folder / "new.tsv").read_bytes() == (folder / "resumed.tsv").read_bytes() == wanted
        assert gzip.decompress((folder / "packed.tsv.gz").read_bytes()) == wanted

    def test_standard_input_can_be_read_twice(self, results, system):
        assert b"Would run    nothing was written" in results(system)[0]

    def test_effects_of_variants_are_the_same_everywhere(self, results, system):
        texts = [(results(name)[1] / "effects.tsv").read_text() for name in ("this", system)]
        assert texts[0] == texts[1]
        assert texts[0].count("\tok\t") == 4

    def test_a_report_is_written_and_no_temporary_file_is_left(self, results, system):
        _, folder = results(system)
        assert (folder / "report" / "evaluation.json").exists()
        assert [path.name for path in folder.rglob("*") if path.name.startswith(".") or "unfinished" in path.name] == []
