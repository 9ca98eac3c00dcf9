"""BED and narrowPeak files, and the use of their columns 6 and 10."""

import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.genome.bed import read_bed
from dreamkeras.genome.reference import Genome


@pytest.fixture
def read(tmp_path):
    def read(text, name="peaks.bed", pack=bytes):
        (tmp_path / name).write_bytes(pack(text.encode()))
        return read_bed(str(tmp_path / name)).regions

    return read


def test_bed_gives_regions_and_their_middles(read):
    found = read("chr1\t10\t20\nchr2\t0\t5\n")
    assert found.contigs == ["chr1", "chr2"]
    assert (found.starts.tolist(), found.ends.tolist(), found.middles.tolist()) == ([10, 0], [20, 5], [15, 2])
    assert found.names == ["chr1:10-20", "chr2:0-5"]


def test_column_10_of_twelve_is_not_a_summit(read):
    assert read("chr1\t10\t20\tgene\t0\t+\t10\t20\t0\t2\t4,5\t0,5\n").middles.tolist() == [15]


def test_headers_comments_and_blank_lines_are_skipped_and_spaces_separate_columns(read):
    assert read(
        "track name=x\nbrowser position chr1\nbrowser\thide all\n# a comment\n\nchr1 10 20 name\n  \nchr1\t30\t40\r\n"
    ).starts.tolist() == [10, 30]


def test_gzip_is_read(read):
    assert read("chr1\t10\t20\n", "peaks.bed.gz", gzip.compress).names == ["chr1:10-20"]


@pytest.mark.parametrize("line", [
    "chr1\t20\t10", "chr1\t10\t10", "chr1\t-1\t10", "chr1\t10", "chr1\tten\t20", "chr1", "chr1\t10\t20.5",
])  # fmt: skip
def test_malformed_lines_are_rejected_with_their_number(read, line):
    with pytest.raises(InputError, match=r"Expected contig, start and end of a region.*, got 'chr1.*peaks\.bed, line 3\)"):
        read(f"# regions\nchr1\t10\t20\n{line}\n")


def test_a_start_after_the_end_is_named(read):
    for line, reason in (("chr1\t20\t10", "is after"), ("chr1\t10\t10", "is equal to")):
        with pytest.raises(InputError, match=f", in which the start {reason} the end "):
            read(f"{line}\n")


def test_files_without_regions_are_rejected(read, tmp_path):
    with pytest.raises(InputError, match=r"Expected at least one region, got none in .*peaks\.bed"):
        read("# nothing\n")
    with pytest.raises(InputError, match="File not found"):
        read_bed(str(tmp_path / "none.bed"))


def test_contigs_get_the_names_of_the_genome(tmp_path):
    (tmp_path / "genome.fa").write_text(">chr1\nACGT\n>2\nACGT\n")
    (tmp_path / "peaks.bed").write_text("1\t0\t2\nchr2\t0\t2\n")
    genome = Genome(str(tmp_path / "genome.fa"))
    assert read_bed(str(tmp_path / "peaks.bed"), genome).regions.contigs == ["chr1", "2"]
    (tmp_path / "peaks.bed").write_text("# regions\n1\t0\t2\n3\t0\t2\n1\t0\t3\n3\t0\t2\n")
    with pytest.raises(InputError, match=r"Expected a contig of .*genome\.fa \(chr1, 2\), got '3' in .*peaks\.bed, line 3\."):
        read_bed(str(tmp_path / "peaks.bed"), genome)


def test_regions_keep_the_order_of_their_file(read):
    found = read("chr2\t7\t9\nchr1\t5\t8\nchr1\t1\t4\n")
    assert found.names == ["chr2:7-9", "chr1:5-8", "chr1:1-4"]


def test_positions_beyond_32_bits_are_supported(read):
    assert read("big\t5000000000\t5000000010\n").middles.tolist() == [5_000_000_005]


def test_strands_and_line_numbers_are_read(tmp_path):
    (tmp_path / "x.bed").write_text("# x\nchr1\t1\t5\tp\t0\t-\n\nchr1\t1\t5\tp\t0\t+\nchr2\t0\t2\nchr2\t0\t2\tp\t0\t.\n")
    bed = read_bed(str(tmp_path / "x.bed"))
    assert (bed.reverse.tolist(), bed.lines.tolist()) == ([True, False, False, False], [2, 4, 5, 6])
    assert bed.regions.names == ["chr1:1-5", "chr1:1-5", "chr2:0-2", "chr2:0-2"]


NARROW = "chr1\t10\t20\tp1\t5\t.\t1\t2\t3\t7\n"
"""A peak from 10 to 20, whose middle is 15 and whose summit is 17."""


@pytest.fixture
def bed(tmp_path):
    def bed(text, name="peaks.bed", summits=None):
        (tmp_path / name).write_text(text)
        return read_bed(str(tmp_path / name), summits=summits)

    return bed


@pytest.mark.parametrize("name", ["peaks.bed", "peaks.narrowPeak", "peaks.txt"])
def test_narrow_peaks_are_centred_on_their_summits(bed, name):
    found = bed(NARROW + "chr1\t30\t40\tp2\t5\t+\t1.5\t-1\t-1\t0\n", name)
    assert found.regions.middles.tolist() == [17, 30]
    assert found.about_middles.endswith(f"/{name}: regions are centred on their summits, from column 10.")


def test_regions_with_summit_minus_1_are_centred_on_their_middle(bed):
    found = bed(NARROW + NARROW.replace("\t7\n", "\t-1\n"))
    assert found.regions.middles.tolist() == [17, 15]
    assert "column 10, or on their middle if column 10 is -1 (1 of 2 regions)." in found.about_middles
    assert "on their middle, because column 10 is -1 in all lines." in bed(NARROW.replace("\t7\n", "\t-1\n")).about_middles


def test_a_peak_without_signal_at_the_start_of_a_contig_is_narrow_peak(bed):
    assert bed("chr1\t0\t20\tp\t0\t.\t0\t0\t0\t7\n").regions.middles.tolist() == [7]


@pytest.mark.parametrize(("row", "reason"), [
    ("chr1\t10\t20\tn\t0\t+\tx\ty\tz\t7", "has 'x' in column 7"),
    ("chr1\t10\t20\tn\t0\t+\tchr2\t5\t9\tfoo", "has 'chr2' in column 7"),
    ("chr1\t10\t20\tn\t0\t+\t1\t5\t9\tfoo", "has 'foo' in column 10"),
    ("chr1\t10\t20\tn\t0\t+\t1\t5\t9\t10", "has '10' in column 10"),
    ("chr1\t10\t20\tn\t0\t+\t1\t5\t9\t-2", "has '-2' in column 10"),
    ("chr1\t10\t20\tn\t0\tx\t1\t5\t9\t7", "has 'x' in column 6"),
    ("chr1\t10\t20\tn\tx\t+\t1\t5\t9\t7", "has 'x' in column 5, where BED has scores"),
    ("chr1\t10\t20\tn\t0\t+\t1\t1_0\t9\t7", "has '1_0' in column 8"),
    ("chr1\t10\t20\tn\t0\t+\t1\t5\tnan\t7", "has 'nan' in column 9"),
    ("chr1\t10\t20\tn\t0\t+\t1\t5\t9\t\u0667", "has '\u0667' in column 10"),
    ("chr1\t10\t20\tn\t0\t+\t10\t20\t0\t1", "has the thickStart and thickEnd of BED in columns 7 and 8"),
    ("chr1\t10\t20\tn\t0\t+\t10\t10\t0\t1", "has the thickStart and thickEnd of BED in columns 7 and 8"),
    ("chr1\t10\t20", "has 3 columns"),
    ("chr1\t10\t20\tn\t0\t+\t1\t5\t9\t7\tx", "has 11 columns"),
])  # fmt: skip
def test_a_single_line_of_another_format_makes_the_file_not_narrow_peak(bed, row, reason):
    for text, line in ((f"{NARROW}{row}\n", 2), (f"{row}\n{NARROW}", 1)):
        found = bed(text)
        assert found.regions.middles.tolist() == [15, 15]
        wanted = f"on their middle, because the file is not narrowPeak (line {line} {reason}). Use --summits if column 10"
        assert wanted in found.about_middles


def test_summits_can_be_forced_or_disabled(bed):
    other = "chr1\t10\t20\tn\t0\t+\tx\ty\tz\t7\n"
    assert bed(other, summits=True).regions.middles.tolist() == [17]
    assert bed(NARROW, summits=False).regions.middles.tolist() == [15]
    assert bed(NARROW, "peaks.narrowPeak", summits=False).about_middles.endswith("peaks.narrowPeak: regions are centred on their middle.")


@pytest.mark.parametrize("columns", [3, 6, 9])
def test_files_without_column_10_get_a_short_remark(bed, columns):
    row = "\t".join(["chr1", "10", "20", "n", "0", "+", "x", "y", "z"][:columns])
    assert bed(f"{row}\n").about_middles.endswith("/peaks.bed: regions are centred on their middle.")


@pytest.mark.parametrize("name", ["peaks.bed", "peaks.narrowPeak", "peaks.NARROWPEAK"])
@pytest.mark.parametrize("row", ["chr1\t10\t20\tp\t5\t.\t1\t2\t3\t10", "chr1\t10\t20\tp\t5\t.\t1\t2\t3\tx", "chr1\t10\t20"])
def test_missing_summits_are_reported_with_their_line(bed, name, row):
    cell = row.split("\t")[9] if row.count("\t") > 2 else ""
    wanted = rf"-1 or a summit from 0 to 9 in column 10 .*, got '{cell}' \(.*, line 2\)\. Use --no-summits to centre"
    with pytest.raises(InputError, match=wanted):
        bed(f"{NARROW}{row}\n", name, summits=True if name == "peaks.bed" else None)


def test_files_named_narrow_peak_with_three_columns_are_centred_on_middles(bed):
    assert bed("chr1\t10\t20\n", "peaks.narrowPeak").regions.middles.tolist() == [15]


def test_compressed_files_named_narrow_peak_have_summits(tmp_path):
    path = tmp_path / "peaks.narrowPeak.gz"
    path.write_bytes(gzip.compress(NARROW.replace("\t1\t2\t3\t", "\t.\t.\t.\t").encode()))
    assert read_bed(str(path)).regions.middles.tolist() == [17]


@pytest.mark.parametrize(("rows", "reverse", "reason"), [
    ("chr1\t1\t5\ta\t0\t-\nchr1\t1\t5\ta\t0.5\t+\n", [True, False], ""),
    ("chr1\t1\t5\ta\t.\t-\nchr1\t1\t5\n", [True, False], ""),
    ("chr1\t1\t5\t-\t-\t-\nchr1\t1\t5\ta\t0\t-\n", [False, False], "line 1 has '-' in column 5, where BED has scores"),
    ("chr1\t1\t5\ta\t0\t-\nchr1\t1\t5\ta\t0\tgene\n", [False, False], "line 2 has 'gene' in column 6"),
    ("chr1\t1\t5\ta\t0\tgene\n", [False], ""),
])  # fmt: skip
def test_column_6_is_used_as_strand_in_all_lines_or_none(bed, rows, reverse, reason):
    found = bed(rows)
    assert found.reverse.tolist() == reverse
    assert (f"column 6 holds no strands ({reason})." in found.about_strands) if reason else (found.about_strands == "")


CELLS = st.sampled_from(["-1", "0", "4", "9", "10", "-2", "x", ".", "1e3", ""])


@given(st.lists(st.tuples(CELLS, st.sampled_from(["+", "-", ".", "x"]), CELLS, CELLS), min_size=1, max_size=5))
def test_all_lines_follow_the_same_rule(tmp_path_factory, rows):
    """Comparison with an explicit implementation of the rule for each line."""

    def is_number(cell):
        return cell in ("-1", "0", "4", "9", "10", "-2", "1e3")

    path = tmp_path_factory.mktemp("bed") / "x.bed"
    path.write_text("".join(f"c\t10\t20\tn\t{score}\t{strand}\t{signal}\t1\t1\t{peak}\n" for score, strand, signal, peak in rows))
    narrow = all(
        (is_number(score) or score == ".") and strand in "+-." and is_number(signal) and peak in ("-1", "0", "4", "9")
        for score, strand, signal, peak in rows
    )
    wanted = [10 + int(row[3]) if narrow and row[3] != "-1" else 15 for row in rows]
    assert read_bed(str(path)).regions.middles.tolist() == wanted


def test_lines_end_only_at_line_breaks(bed):
    found = bed("chr1\t1\t5\tname\x0bwith\u2028breaks\x1c\t0\t-\r\nchr1\t2\t5\n")
    assert (found.lines.tolist(), found.reverse.tolist()) == ([1, 2], [True, False])


@pytest.mark.parametrize("cell", ["1_0", "+10", "\u0661", "1e1", "9" * 19, ""])
def test_positions_must_be_ascii_digits(bed, cell):
    with pytest.raises(InputError, match="Expected contig, start and end of a region"):
        bed(f"chr1\t{cell}\t99999999999999999\n")


def test_regions_need_little_memory(tmp_path):
    path = tmp_path / "many.bed"
    path.write_text("".join(f"chr1\t{start}\t{start + 5}\tname_of_a_peak_{start}\t0\t+\t1\t1\t1\t2\n" for start in range(50_000)))
    tracemalloc.start()
    found = read_bed(str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.regions.middles[-1] == 50_001
    assert peak < 50_000 * 150  # the file has 70 bytes per line, and Python strings of its cells would need ten times as much
    np.testing.assert_array_equal(found.lines, np.arange(1, 50_001))
