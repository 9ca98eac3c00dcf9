"""Tests of the report of a block on several backends, with real processes."""

import importlib.util

import pytest

from dreamkeras.errors import MissingPackageError, ModelError
from dreamkeras.training.check import report as block_report
from dreamkeras.training.check.report import Report, report_block


def test_the_table_has_results_and_reasons_of_failure():
    report = Report(("jax", "torch"), {"builds": ["", ""], "trains": ["too wild", None]})
    assert not report.holds
    assert str(report).splitlines() == ["check\tjax\ttorch", "builds\tok\tok", "trains\tNO\t-", "trains, jax: too wild"]


def test_a_report_without_reasons_holds():
    assert Report(("jax",), {"builds": [""]}).holds


def test_a_crashed_process_does_not_hide_the_results_of_another_backend(monkeypatch):
    outcomes = {"jax": {"builds": "", "trains": "too wild"}, "torch": {"runs": "died"}}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name in outcomes or None)
    monkeypatch.setattr(block_report, "_ask", lambda backend, slot, name: outcomes[backend])
    assert report_block("core", "bhi").rows == {"builds": ["", None], "trains": ["too wild", None], "runs": [None, "died"]}


def test_no_installed_backend_is_an_error(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="dreamkeras\\[train\\]"):
        report_block("core", "bhi")


def test_an_unknown_block_is_an_error(one_backend):
    with pytest.raises(ModelError, match="nowhere"):
        report_block("core", "nowhere:Block", one_backend)


def test_a_block_in_the_working_directory_is_found(one_backend, tmp_path, monkeypatch):
    (tmp_path / "folder_block.py").write_text(
        "from dreamkeras.layers.slots import Core\n"
        "class Gone(Core):\n"
        "    def call(self, features):\n"
        "        raise ValueError('not today')\n"
    )
    monkeypatch.chdir(tmp_path)
    report = report_block(None, "folder_block:Gone", one_backend)
    assert report.backends == one_backend
    assert "not today" in report.rows["builds at any length"][0]


def test_a_crashed_process_is_reported_as_a_failure(one_backend, tmp_path, monkeypatch):
    (tmp_path / "deadly.py").write_text("import os\nos._exit(7)\n")
    monkeypatch.chdir(tmp_path)
    assert "exit status 7" in report_block(None, "deadly:Block", one_backend).rows["runs"][0]


@pytest.fixture
def one_backend():
    found = [backend for backend in block_report.BACKENDS if importlib.util.find_spec(backend)]
    if not found:
        pytest.skip("no backend is installed")
    return (found[0],)
