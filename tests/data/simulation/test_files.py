"""Simulated libraries in files."""

import gzip

import numpy as np
import pytest

from dreamkeras.data.assays.yeast import read
from dreamkeras.data.simulation.files import write_library
from dreamkeras.data.simulation.library import examples, simulate
from dreamkeras.errors import DreamkerasError, InputError


@pytest.fixture(scope="module")
def library():
    return simulate(9000, seed=2)


def test_a_written_library_reads_back_as_its_examples(library, tmp_path):
    write_library(library, str(tmp_path / "library.tsv"))
    back, made = read(str(tmp_path / "library.tsv")), examples(library)
    assert back.ids == made.ids
    for field in ("letters", "targets", "flags", "lengths"):
        np.testing.assert_array_equal(getattr(back, field), getattr(made, field))


def test_rows_have_the_published_layout(library, tmp_path):
    write_library(library, str(tmp_path / "library.tsv"))
    lines = (tmp_path / "library.tsv").read_text().splitlines()
    assert len(lines) == 9000
    for line, value in zip(lines, library.values, strict=True):
        sequence, text = line.split("\t")
        assert sequence.startswith("TGCATTTTTTTCACATC")
        assert text.isdigit() == (value == round(value))
        assert float(text) == pytest.approx(value, rel=1e-14)


def test_the_truth_has_one_row_per_promoter_and_one_column_per_factor(library, tmp_path):
    write_library(library, str(tmp_path / "library.tsv"), str(tmp_path / "truth.tsv"))
    header, *lines = (tmp_path / "truth.tsv").read_text().splitlines()
    assert header.split("\t") == ["id", "expression", *library.factors]
    table = np.array([line.split("\t") for line in lines], float)
    assert table[:, 0].tolist() == list(range(1, 9001))
    np.testing.assert_allclose(table[:, 1], library.truth, rtol=1e-7)
    np.testing.assert_allclose(table[:, 2:], library.occupancy, rtol=1e-5)


def test_equal_paths_are_rejected_before_writing(library, tmp_path):
    with pytest.raises(InputError, match=r"cannot be written to the same file .*x\.tsv.* two different files"):
        write_library(library, str(tmp_path / "x.tsv"), str(tmp_path / "x.tsv"))
    assert list(tmp_path.iterdir()) == []


def test_no_file_is_left_if_the_truth_cannot_be_written(library, tmp_path):
    with pytest.raises(DreamkerasError, match=r"missing/truth\.tsv"):
        write_library(library, str(tmp_path / "x.tsv"), str(tmp_path / "missing" / "truth.tsv"))
    assert list(tmp_path.iterdir()) == []


def test_gzip_reads_back_as_the_plain_file(library, tmp_path):
    write_library(library, str(tmp_path / "library.tsv.gz"), str(tmp_path / "truth.gz"))
    write_library(library, str(tmp_path / "library.tsv"), str(tmp_path / "truth"))
    for plain, packed in (("library.tsv", "library.tsv.gz"), ("truth", "truth.gz")):
        assert gzip.decompress((tmp_path / packed).read_bytes()) == (tmp_path / plain).read_bytes()


@pytest.mark.parametrize("name", ["library.tsv.xz", "library.ZIP"])
def test_names_of_other_compressed_formats_are_rejected(tmp_path, name):
    with pytest.raises(InputError, match=f"Cannot write .*{name}: gzip is the only supported compression"):
        write_library(simulate(3), str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []
