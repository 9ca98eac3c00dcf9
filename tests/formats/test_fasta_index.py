"""Indexes of FASTA files, compared with explicit counts and with samtools."""

import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.formats.fasta_index import Contig, index_fasta, read_fai

GENOME = b">chr1 first\nACGTA\nCGTAC\nGT\n>chr2\nAAAA\n\n>empty\n>chr3\tx\nTTTTTTT"
BY_SAMTOOLS = "chr1\t12\t12\t5\t6\nchr2\t4\t33\t4\t5\nchr3\t7\t54\t7\t8\n"
"""Index of `GENOME` by faidx of htslib 1.24, which omits contigs without bases."""


def index(data, block=1 << 19):
    return index_fasta(io.BytesIO(data), "x.fa", block=block)


@pytest.mark.parametrize("block", [1, 2, 7, 20, 1000])
def test_the_index_equals_that_of_samtools(tmp_path, block):
    fai = tmp_path / "x.fa.fai"
    fai.write_text(BY_SAMTOOLS)
    found = index(GENOME, block)
    assert list(found) == ["chr1", "chr2", "empty", "chr3"]
    assert found.pop("empty").length == 0
    assert found == read_fai(fai)


@given(
    st.lists(st.text("ACGTN", max_size=60), min_size=1, max_size=6), st.integers(1, 25), st.sampled_from(["\n", "\r\n"]), st.integers(1, 99)
)
def test_bases_are_at_the_positions_of_the_index(contigs, width, newline, block):
    text = ""
    for number, letters in enumerate(contigs):
        text += f">c{number} of the tests{newline}"
        text += "".join(letters[start : start + width] + newline for start in range(0, len(letters), width))
    data = text.encode()
    found = index(data, block)
    assert [contig.length for contig in found.values()] == [len(letters) for letters in contigs]
    for contig, letters in zip(found.values(), contigs, strict=True):
        assert "".join(chr(data[contig.byte_of(position)]) for position in range(len(letters))) == letters


def test_the_last_line_needs_no_line_break():
    assert index(b">a\nACGT\nACGT")["a"] == Contig(8, 3, 4, 5) == index(b">a\nACGT\nACGT\n")["a"]


def test_blank_lines_before_and_after_contigs_are_accepted():
    assert index(b"\n\n>a\nACGT\nAC\n\n\n>b\n\n")["a"] == Contig(6, 5, 4, 5)


@pytest.mark.parametrize("block", [1, 9, 1000])
@pytest.mark.parametrize(("text", "line"), [
    (b">a\nAC\nACGT\n", 3), (b">a\nACGT\nAC\nACGT\n", 4), (b">a\nACGT\nAC\nAC\n", 4), (b">a\nACGT\n\nAC\n", 4), (b">a\n\nACGT\n", 3),
    (b">a\nACGT\r\nACGT\nACGT\n", 4),
])  # fmt: skip
def test_lines_of_different_lengths_are_rejected(text, line, block):
    with pytest.raises(
        InputError, match=r"All lines of contig 'a' except the last must have the same length, \d bases \(x\.fa, lines \d"
    ) as caught:
        index(text, block)
    first, last = str(caught.value).split("lines ")[2].rstrip(").").split(" to ")
    assert int(first) <= line <= int(last)


@pytest.mark.parametrize(("text", "message"), [
    (b"ACGT\n>a\nAC\n", r"Expected a FASTA header \('>' and a name\), got 'ACGT' \(x\.fa, line 1\)"),
    (b"\n\nchr1\t0\t80\n", r"Expected a FASTA header \('>' and a name\), got 'chr1\\t0\\t80' \(x\.fa, line 3\)"),
    (b"\n\n", r"Expected a FASTA header \('>' and a name\), got none in 'x\.fa'"),
    (b">a\nAC\n>a\nAC\n", r"Contig 'a' occurs twice \(x\.fa, line 3\)"),
    (b">a\nAC\n> \nAC\n", r"Expected a FASTA header .*, got no name \(x\.fa, line 3\)"),
])  # fmt: skip
def test_missing_and_repeated_headers_are_rejected(text, message):
    with pytest.raises(InputError, match=message):
        index(text)


@pytest.mark.parametrize("line", [
    "chr1\t12\t12\t5", "chr1\t12\t12\t5\tx", "chr1 12 12 5 6", "chr1\t12\t12\t5\t6\t7", "chr1\t1_2\t6\t12\t13", "chr1\t1\u0662\t6\t12\t13",
])  # fmt: skip
def test_malformed_index_lines_are_rejected(tmp_path, line):
    fai = tmp_path / "x.fa.fai"
    fai.write_text(f"chr0\t1\t6\t1\t2\n{line}\n")
    with pytest.raises(InputError, match=r"Expected a name and 4 whole numbers, got 'chr1.*x\.fa\.fai, line 2"):
        read_fai(fai)


def test_an_empty_index_has_no_contigs(tmp_path):
    (tmp_path / "x.fa.fai").write_text("")
    assert read_fai(tmp_path / "x.fa.fai") == {}


@pytest.mark.parametrize(("header", "name"), [
    (b">chr1", "chr1"), (b">chr1 dna:chromosome", "chr1"), (b">chr1\tx", "chr1"), (b">chr1\r", "chr1"), (b"> chr1", "chr1"),
    (b">HLA-A*01:01:01:01", "HLA-A*01:01:01:01"), (">ch\u00e9".encode(), "ch\u00e9"),
])  # fmt: skip
def test_a_name_ends_at_the_first_white_space(header, name):
    assert list(index(header + b"\nACGT\n")) == [name]


def test_byte_offsets_include_line_breaks():
    contig = Contig(length=25, offset=100, bases=10, width=12)
    assert [contig.byte_of(position) for position in (0, 9, 10, 19, 20, 24)] == [100, 109, 112, 121, 124, 128]


def test_crlf_counts_as_two_bytes_of_the_width():
    assert index(b">a\r\nACGT\r\nAC\r\n")["a"] == Contig(6, 4, 4, 6)


def test_a_line_may_be_longer_than_a_block():
    letters = b"ACGT" * 5000
    found = index(b">a\n" + letters + b"\n>b\nAC\n", block=64)
    assert found == {"a": Contig(20_000, 3, 20_000, 20_001), "b": Contig(2, 20_007, 2, 3)}


def test_contigs_may_have_lines_of_different_lengths():
    found = index(b">a\nACGT\nAC\n>b\nAC\nA\n>c\nACGTAC\n")
    assert [contig.bases for contig in found.values()] == [4, 2, 6]


def test_memory_does_not_depend_on_the_file_size(tmp_path):
    (tmp_path / "x.fa").write_bytes(b">a\n" + (b"ACGT" * 15 + b"\n") * 200_000)
    with open(tmp_path / "x.fa", "rb") as stream:
        tracemalloc.start()
        found = index_fasta(stream, "x.fa", block=1 << 16)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert found["a"].length == 12_000_000
    assert peak < 2e6
