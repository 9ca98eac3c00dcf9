"""Regions of BED and narrowPeak files, their windows, and which of them overlap."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.sequence.genome import Genome
from dreamkeras.sequence.regions import Regions, read_bed, read_regions

LENGTHS = {"chr1": 1000, "chr2": 50}


def regions(*places):
    """Regions of (contig, start, end), the middle in the middle."""
    contigs, starts, ends = zip(*places, strict=True) if places else ((), (), ())
    starts, ends = np.array(starts, np.int64), np.array(ends, np.int64)
    return Regions(list(contigs), starts, ends, (starts + ends) // 2)


@pytest.fixture
def read(tmp_path):
    def read(text, name="peaks.bed", pack=bytes):
        (tmp_path / name).write_bytes(pack(text.encode()))
        return read_regions(str(tmp_path / name))

    return read


def test_bed_gives_places_and_their_middles(read):
    found = read("chr1\t10\t20\nchr2\t0\t5\n")
    assert found.contigs == ["chr1", "chr2"]
    assert (found.starts.tolist(), found.ends.tolist(), found.middles.tolist()) == ([10, 0], [20, 5], [15, 2])
    assert found.names == ["chr1:10-20", "chr2:0-5"]


def test_narrow_peaks_have_their_summits(read):
    found = read("chr1\t10\t20\tp1\t5\t.\t1\t2\t3\t7\nchr1\t30\t40\tp2\t5\t.\t1\t2\t3\t-1\n")
    assert found.middles.tolist() == [17, 35]


def test_the_tenth_of_twelve_columns_is_no_summit(read):
    assert read("chr1\t10\t20\tgene\t0\t+\t10\t20\t0\t2\t4,5\t0,5\n").middles.tolist() == [15]


def test_headers_comments_and_blank_lines_are_passed_over_and_spaces_divide(read):
    assert read("track name=x\nbrowser position chr1\n# a comment\n\nchr1 10 20 name\n  \nchr1\t30\t40\r\n").starts.tolist() == [10, 30]


def test_gzip_is_read(read):
    assert read("chr1\t10\t20\n", "peaks.bed.gz", gzip.compress).names == ["chr1:10-20"]


@pytest.mark.parametrize("line", [
    "chr1\t20\t10", "chr1\t10\t10", "chr1\t-1\t10", "chr1\t10", "chr1\tten\t20", "chr1", "chr1\t10\t20.5",
    "chr1\t10\t20\tp\t5\t.\t1\t2\t3\t10", "chr1\t10\t20\tp\t5\t.\t1\t2\t3\t-2", "chr1\t10\t20\tp\t5\t.\t1\t2\t3\tx",
])  # fmt: skip
def test_a_line_that_is_no_region_is_refused_by_its_number(read, line):
    with pytest.raises(InputError, match=r"Expected contig, start and end of a region.*, got 'chr1.*peaks\.bed, line 3\)"):
        read(f"# regions\nchr1\t10\t20\n{line}\n")


def test_files_without_regions_are_refused(read, tmp_path):
    with pytest.raises(InputError, match=r"Expected at least one region, got none in .*peaks\.bed"):
        read("# nothing\n")
    with pytest.raises(InputError, match="Expected a file, got nothing"):
        read_regions(str(tmp_path / "none.bed"))


@pytest.mark.parametrize(("length", "start"), [(4, 13), (5, 13), (1, 15), (2114, -1042)])
def test_windows_are_around_the_middles(length, start):
    windows = regions(("chr1", 10, 20)).windows(length)
    assert (windows.starts.tolist(), windows.ends.tolist(), windows.middles.tolist()) == ([start], [start + length], [15])


def test_windows_are_on_their_contig_as_a_whole_or_not():
    places = regions(("chr1", 0, 1000), ("chr1", -1, 10), ("chr1", 991, 1001), ("chr2", 40, 51), ("chr2", 40, 50))
    assert places.on(LENGTHS).tolist() == [True, False, False, False, True]


def test_contigs_take_the_genomes_names(tmp_path):
    (tmp_path / "genome.fa").write_text(">chr1\nACGT\n>2\nACGT\n")
    (tmp_path / "peaks.bed").write_text("1\t0\t2\nchr2\t0\t2\n")
    genome = Genome(str(tmp_path / "genome.fa"))
    assert read_regions(str(tmp_path / "peaks.bed"), genome).contigs == ["chr1", "2"]
    (tmp_path / "peaks.bed").write_text("# regions\n1\t0\t2\n3\t0\t2\n1\t0\t3\n3\t0\t2\n")
    with pytest.raises(InputError, match=r"Expected a contig of .*genome\.fa \(chr1, 2\), got '3' in .*peaks\.bed, line 3\."):
        read_regions(str(tmp_path / "peaks.bed"), genome)


def test_the_first_of_equal_places_is_told():
    places = regions(("chr1", 0, 5), ("chr2", 0, 5), ("chr1", 0, 5), ("chr1", 0, 6), ("chr1", 0, 5))
    assert places.first_of_each().tolist() == [True, True, False, True, False]


def test_parts_are_joined_and_selected():
    one, other = regions(("chr1", 0, 5), ("chr1", 7, 9)), regions(("chr2", 0, 5))
    joined = Regions.joined([one, other])
    assert joined.names == [*one.names, *other.names]
    assert joined.select(np.array([False, True, True])).names == ["chr1:7-9", "chr2:0-5"]
    assert joined.select(np.array([2, 0])).middles.tolist() == [2, 2]


PLACES = st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 40), st.integers(1, 12)), max_size=12)


@given(PLACES, PLACES)
def test_overlaps_are_those_of_every_pair(some, others):
    some, others = ([(name, start, start + size) for name, start, size in places] for places in (some, others))
    by_hand = [any(one[0] == other[0] and one[1] < other[2] and other[1] < one[2] for other in others) for one in some]
    assert regions(*some).overlapping(regions(*others)).tolist() == by_hand


def test_regions_keep_the_order_of_their_file(read):
    found = read("chr2\t7\t9\nchr1\t5\t8\nchr1\t1\t4\n")
    assert found.names == ["chr2:7-9", "chr1:5-8", "chr1:1-4"]


def test_positions_beyond_32_bits_are_kept(read):
    assert read("big\t5000000000\t5000000010\n").middles.tolist() == [5_000_000_005]


def test_windows_of_windows_have_the_same_middles():
    places = regions(("chr1", 100, 201), ("chr1", 7, 10))
    np.testing.assert_array_equal(places.windows(50).windows(12).starts, places.windows(12).starts)


def test_neighbours_do_not_overlap_and_a_long_one_before_others_does():
    known = regions(("a", 0, 100), ("a", 10, 20), ("a", 30, 40))
    assert regions(("a", 100, 110), ("a", 95, 99), ("b", 0, 100), ("a", 45, 50)).overlapping(known).tolist() == [False, True, False, True]


def test_nothing_overlaps_no_regions():
    assert regions(("a", 0, 100)).overlapping(regions()).tolist() == [False]
    assert regions().overlapping(regions(("a", 0, 100))).tolist() == []


def test_lines_tell_strands_and_are_counted(tmp_path):
    (tmp_path / "x.bed").write_text("# x\nchr1\t1\t5\tp\t0\t-\n\nchr1\t1\t5\tp\t0\t+\nchr2\t0\t2\nchr2\t0\t2\tp\t0\t.\n")
    bed = read_bed(str(tmp_path / "x.bed"))
    assert (bed.reverse.tolist(), bed.lines.tolist()) == ([True, False, False, False], [2, 4, 5, 6])
    assert bed.regions.names == ["chr1:1-5", "chr1:1-5", "chr2:0-2", "chr2:0-2"]
