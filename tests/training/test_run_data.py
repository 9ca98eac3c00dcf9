"""Tests of the training and validation data of a run. `test_run` and related modules test complete runs."""

import dataclasses

import numpy as np
import pytest
from profile_network import LENGTH, MARGIN, POSITIONS, windows

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.examples import fingerprint
from dreamkeras.errors import InputError
from dreamkeras.training import run_data
from dreamkeras.training.config import RunConfig
from dreamkeras.training.fingerprints import require_same_data
from dreamkeras.training.run_data import read_data, read_examples, with_window

LAYOUT = AtacLayout("genome.fa", "reads.bw", length=LENGTH, profile_length=POSITIONS, jitter=MARGIN)


@pytest.fixture
def genome(monkeypatch):
    """Returns the configuration of a run on the windows of `profile_network`, which are not in a file."""
    assay = run_data.find_assay("atac", LAYOUT)._replace(read=lambda path, on_error: windows())
    monkeypatch.setattr(run_data, "find_assay", lambda *args: assay)
    return RunConfig(data="peaks.bed", assay="atac", atac=LAYOUT)


def chromosomes(examples):
    return {name.split(":")[0] for name in examples.ids}


def test_validation_windows_have_the_length_of_the_model(genome):
    data = read_data(dataclasses.replace(genome, valid_fold="chr2"))
    assert (data.training.margin, data.validation.margin) == (MARGIN, 0)
    assert data.validation.profiles.shape[1] == POSITIONS
    assert chromosomes(data.validation) == {"chr2"}
    assert chromosomes(data.training) == {"chr1", "chr3", "chr4"}


def test_chromosomes_are_held_out_by_default(genome):
    data = read_data(genome)
    assert not chromosomes(data.training) & chromosomes(data.validation)


def test_overlap_with_a_validation_file_is_reported(genome):
    data = read_data(dataclasses.replace(genome, valid="other.bed"))
    assert "40 of the 40 windows in other.bed are training windows" in data.common


def test_other_reads_change_the_fingerprint(genome):
    data = read_data(genome)
    changed = dataclasses.replace(data.training, profiles=data.training.profiles + np.float32(1))
    again = read_data(genome)
    found = fingerprint(data.training, data.validation)
    assert found == fingerprint(again.training, again.validation) != fingerprint(changed, data.validation)


def test_rows_with_and_without_a_value_are_counted(tmp_path):
    (tmp_path / "t.csv").write_text("sequence,a\n" + "".join(f"{'ACGT'[n % 4] * 8},{'NA' if n == 3 else n}\n" for n in range(4)))
    config = RunConfig(data=str(tmp_path / "t.csv"), assay="table", table=TableLayout(("a",), length=8))
    data = read_data(dataclasses.replace(config, valid=str(tmp_path / "t.csv")))
    assert (len(data.training), data.read) == (3, ("Read 4 rows of t.csv; skipped 1 without a value.",) * 2)


def test_a_number_that_is_a_column_name_stays_a_name(tmp_path):
    (tmp_path / "t.csv").write_text("sequence,0,1,2\n" + "ACGTACGT,4.5,104.5,204.5\n" * 4)
    settled = with_window(RunConfig(data=str(tmp_path / "t.csv"), assay="table", table=TableLayout(("1", "3"))))
    settled.write(tmp_path / "config.json")
    again = with_window(RunConfig.read(tmp_path / "config.json"))
    assert again == settled
    assert (again.table.target_column, again.table.tasks, again.table.length) == (("1", 3), ("1", "column_3"), 8)
    assert read_examples(again).examples.targets.tolist() == [[104.5, 204.5]] * 4


def test_invalid_rows_are_skipped_counted_and_reported(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("# a comment\nsequence;a\n" + "ACGTACGT;1\n" * 4 + "ACGTACGTACGT!;1\nACGT;word\nACGT\n")
    config = RunConfig(
        data=str(tmp_path / "t.csv"), valid=str(tmp_path / "t.csv"), assay="table", table=TableLayout(("a",)), on_error="skip"
    )
    settled = with_window(config)
    assert (settled.table.length, settled.on_error) == (8, "skip")
    settled.write(tmp_path / "config.json")
    data = read_data(RunConfig.read(tmp_path / "config.json"))
    assert (len(data.training), data.read) == (4, ("Read 7 rows of t.csv; skipped 3 with an error.",) * 2)
    assert capsys.readouterr().err.count("Skipped: Expected DNA letters, got '!' at position 13 in record '5' (") == 2
    with pytest.raises(InputError, match="line 9"):
        with_window(dataclasses.replace(config, on_error="fail"))
    with pytest.raises(InputError, match="Expected on_error to be one of fail, skip, got 'ignore'"):
        dataclasses.replace(config, on_error="ignore")


def test_other_data_are_named_with_the_files_of_the_genome(genome, tmp_path):
    begun = dataclasses.replace(genome, fingerprint="another")
    moved = dataclasses.replace(begun, atac=dataclasses.replace(LAYOUT, genome="new.fa"))
    with pytest.raises(InputError, match=r"the data in peaks\.bed, new\.fa, reads\.bw differ from the data with which the run was started"):
        require_same_data(windows(), windows(), moved, begun, tmp_path)


@pytest.mark.parametrize("unit", [1e-20, 1e-29, 1e-31, 1e-35, 1e-39, 0.0])
def test_values_that_are_too_small_for_float32_are_refused(tmp_path, unit):
    rows = "".join(f"{'ACGT'[n % 4] * 8}{'ACGT'[n // 4] * 8},{unit * n}\n" for n in range(16))
    (tmp_path / "t.csv").write_text(f"sequence,a\n{rows}")
    config = RunConfig(data=str(tmp_path / "t.csv"), assay="table", table=TableLayout(("a",), length=16))
    if unit in (1e-20, 1e-29, 0):
        assert len(read_data(config).training) > 1
    else:
        with pytest.raises(
            InputError, match=r"^The values of a in .*t\.csv are too small for float32: .* Express the values in a smaller unit"
        ):
            read_data(config)
