"""Tracks, read by pyBigWig and as text."""

import gzip
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import DreamkerasError, InputError, MissingPackageError
from dreamkeras.formats.names import TRACKS
from dreamkeras.formats.tracks import open_track, track_format

LENGTHS = {"chr2": 1000, "chr1": 500, "chrUn:1": 60}


def write(path, ids, values, size=3, columns=("expression",), **options):
    values = np.array(values, np.float32).reshape(len(ids), -1)
    with open_track(str(path), track_format(str(path)), columns, lengths=LENGTHS, **options) as writer:
        for first in range(0, len(ids), size):
            writer.write(ids[first : first + size], values[first : first + size])
    return path


def rows(path):
    return [tuple(line.split("\t")) for line in path.read_text().splitlines()]


def intervals(path):
    """Returns the intervals of a bigWig by contig."""
    file = pytest.importorskip("pyBigWig").open(str(path))
    try:
        assert dict(file.chroms()) == LENGTHS
        return {name: list(file.intervals(name)) for name in file.chroms() if file.intervals(name)}
    finally:
        file.close()


def test_a_bedgraph_has_one_row_per_window(tmp_path):
    path = write(tmp_path / "x.bedgraph", ["chr1:0-200", "chr1:200-300(-)", "chrUn:1:5-9"], [1 / 3, -2, 1e-9])
    assert rows(path) == [("chr1", "0", "200", "0.333333"), ("chr1", "200", "300", "-2"), ("chrUn:1", "5", "9", "1e-09")]


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=15), st.integers(1, 20), st.integers(1, 30), st.integers(1, 4))
def test_a_bigwig_contains_the_middles_of_windows(tmp_path_factory, values, step, wider, size):
    width = step + wider
    ids = [f"chr2:{step * i}-{step * i + width}" for i in range(len(values))]
    path = write(tmp_path_factory.mktemp("t") / "x.bw", ids, values, size, middle=step)
    before = wider // 2
    wanted = [(step * i + before, step * (i + 1) + before, np.float32(value)) for i, value in enumerate(values)]
    assert intervals(path) == {"chr2": wanted}


def test_contigs_of_a_bigwig_have_the_order_of_the_genome(tmp_path):
    path = write(tmp_path / "x.bigWig", ["chr2:0-9", "chr1:0-5", "chr1:7-9"], [1, 2, 3])
    assert intervals(path) == {"chr2": [(0, 9, 1)], "chr1": [(0, 5, 2), (7, 9, 3)]}
    with pytest.raises(InputError, match=r"Contigs in .*y\.bw must be in the order of the genome, but 'chr2' is not"):
        write(tmp_path / "y.bw", ["chr1:0-9", "chr2:0-5"], [1, 2])
    assert not (tmp_path / "y.bw").exists()


def test_values_that_are_not_finite_are_skipped(tmp_path):
    ids, values = ["chr1:0-2", "chr1:2-4", "chr1:4-6"], [np.nan, 1, np.inf]
    assert rows(write(tmp_path / "x.bdg", ids, values)) == [("chr1", "2", "4", "1")]
    assert intervals(write(tmp_path / "x.bw", ids, values, size=1)) == {"chr1": [(2, 4, 1)]}


@pytest.mark.parametrize("suffix", ["bg", "bw"])
@pytest.mark.parametrize("size", [1, 9])
@pytest.mark.parametrize(
    "ids",
    [["chr1:0-10", "chr1:9-20"], ["chr1:10-20", "chr1:0-5"], ["chr2:0-5", "chr1:0-5", "chr2:7-9"]],
    ids=["overlap", "before", "again"],
)
def test_unsorted_windows_are_rejected(tmp_path, suffix, size, ids):
    with pytest.raises(
        InputError,
        match=rf"x\.{suffix} must be sorted and must not overlap, but window {ids[-1]} comes after .*\. Sort and",
    ):
        write(tmp_path / f"x.{suffix}", ids, [1] * len(ids), size)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["p1", "chr1", "chr1:5", "chr1:a-b", "chr1:1--5", ":1-2"])
def test_ids_of_another_form_are_rejected(tmp_path, name):
    with pytest.raises(InputError, match=rf"Writing .* needs ids such as chr1:0-200, got '{name}'\. Use --genome or --tile"):
        write(tmp_path / "x.bg", [name], [1])


def test_a_column_must_be_chosen_if_there_are_several(tmp_path):
    columns = ("Dev", "Hk")
    assert rows(write(tmp_path / "x.bg", ["a:0-1"], [[1, 2]], columns=columns, column="Hk")) == [("a", "0", "1", "2")]
    for column, message in (
        (None, r"Choose one of the columns Dev, Hk, because a track such as .*y\.bg has one value per interval"),
        ("dev", r"Expected one of the columns Dev, Hk for the track .*y\.bg, got 'dev'"),
    ):
        with pytest.raises(InputError, match=message):
            write(tmp_path / "y.bg", ["a:0-1"], [[1, 2]], columns=columns, column=column)


@pytest.mark.parametrize(
    ("name", "wanted"), [("a.bw", "bigwig"), ("A.BigWig", "bigwig"), ("a.bedGraph", "bedgraph"), ("a.bw.tsv", None), ("-", None)]
)
def test_the_suffix_determines_the_format_by_default(name, wanted):
    assert track_format(name) == wanted
    assert [track_format(name, asked) for asked in (*TRACKS, "tsv")] == [*TRACKS, None]


def test_a_bigwig_requires_lengths_an_uncompressed_name_and_pybigwig(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"x\.bw needs the lengths of contigs"), open_track("x.bw", "bigwig", ["y"]):
        pass
    with (
        pytest.raises(InputError, match=r"Cannot compress bigWig: .*x\.bw\.gz\. Use a name without \.gz"),
        open_track("x.bw.gz", "bigwig", ["y"], lengths=LENGTHS),
    ):
        pass
    monkeypatch.setitem(sys.modules, "pyBigWig", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dreamkeras\[atac\]'"):
        write(tmp_path / "x.bw", ["chr1:0-1"], [1])


def test_a_pipe_receives_the_bytes_of_the_file(tmp_path):
    ids = ["chr2:0-7", "chr1:490-495"]
    for suffix in ("bw", "bg", "bg.gz"):
        os.mkfifo(tmp_path / f"pipe.{suffix}")
        with ThreadPoolExecutor(1) as pool:
            came = pool.submit((tmp_path / f"pipe.{suffix}").read_bytes)
            write(tmp_path / f"pipe.{suffix}", ids, [1, 2])
        assert came.result() == write(tmp_path / f"x.{suffix}", ids, [1, 2]).read_bytes()
    assert gzip.decompress((tmp_path / "x.bg.gz").read_bytes()) == (tmp_path / "x.bg").read_bytes()


def test_intervals_are_cut_at_the_ends_of_contigs(tmp_path):
    ids, values = ["chr2:-5-7", "chr1:490-510"], [1, 2]
    assert intervals(write(tmp_path / "x.bw", ids, values)) == {"chr2": [(0, 7, 1)], "chr1": [(490, 500, 2)]}
    assert rows(write(tmp_path / "x.bg", ids, values)) == [("chr2", "0", "7", "1"), ("chr1", "490", "500", "2")]


@pytest.mark.parametrize("name", ["chrNone:0-9", "chr1:600-700"])
def test_windows_outside_of_contigs_are_an_error_and_leave_no_file(tmp_path, name):
    with pytest.raises(DreamkerasError, match=r"Cannot write contig 'chrNone' to .*x\.bw|Cannot write .*x\.bw: pyBigWig failed"):
        write(tmp_path / "x.bw", [name], [1])
    assert list(tmp_path.iterdir()) == []
