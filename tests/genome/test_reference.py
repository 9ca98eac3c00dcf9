"""Windows of genomes, compared with slices of strings."""

import gzip
import io
import os
from pathlib import Path

import numpy as np
import pytest
from bgzip_writer import bgzip
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.formats.fasta_index import index_fasta, read_fai
from dreamkeras.genome.reference import Genome, find_contig, match_contigs

CONTIGS = {
    name: "".join(np.random.default_rng(length).choice(list("ACGTNacgt"), length))
    for name, length in (("chr1", 1003), ("chr2", 60), ("chrM", 7))
}


def fasta(contigs=CONTIGS, width=60, newline="\n"):
    lines = []
    for name, letters in contigs.items():
        lines += [f">{name} of the tests", *(letters[start : start + width] for start in range(0, len(letters), width))]
    return (newline.join(lines) + newline).encode()


@pytest.fixture(scope="module", params=["plain", "crlf", "bgzip", "one line"])
def genome(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    data = {"crlf": fasta(newline="\r\n"), "one line": fasta(width=10**6)}.get(request.param, fasta())
    path.write_bytes(bgzip(data, 100) if request.param == "bgzip" else data)
    return Genome(str(path))


def by_hand(name, start, length):
    around = "N" * 2000
    return (around + CONTIGS[name] + around)[2000 + start : 2000 + start + length]


@given(st.lists(st.tuples(st.sampled_from(list(CONTIGS)), st.integers(-100, 1100)), max_size=5), st.integers(1, 200))
def test_windows_equal_the_written_sequence_and_are_n_beyond_contigs(genome, places, length):
    windows = genome.windows([name for name, _ in places], np.array([start for _, start in places], int), length)
    assert windows.shape == (len(places), length)
    assert windows.dtype == np.uint8
    assert [row.tobytes().decode() for row in windows] == [by_hand(name, start, length) for name, start in places]


def test_a_window_may_be_a_complete_contig(genome):
    assert genome.lengths == {name: len(letters) for name, letters in CONTIGS.items()}
    assert genome.windows(["chr1"], np.array([0]), 1003).tobytes().decode() == CONTIGS["chr1"]


def test_contigs_are_found_with_and_without_chr(genome):
    windows = genome.windows(["1", "chr1", "MT"], np.array([5, 5, 5]), 3)
    assert [row.tobytes().decode() for row in windows] == [by_hand("chr1", 5, 3), by_hand("chr1", 5, 3), by_hand("chrM", 5, 3)]


def test_unknown_contigs_are_rejected(genome):
    with pytest.raises(InputError, match=r"Expected a contig of .*genome\.fa \(chr1, chr2, chrM\), got 'chr3'"):
        genome.windows(["chr1", "chr3"], np.array([0, 0]), 4)


def test_an_index_is_used_unless_it_is_older_than_the_file(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_bytes(b">a\nACGT\n>b\nGG\n")
    fai = tmp_path / "genome.fa.fai"
    fai.write_text("b\t2\t11\t2\t3\na\t4\t3\t4\t5\n")
    os.utime(path, (100, 100))
    assert list(Genome(str(path)).lengths) == ["b", "a"]
    os.utime(fai, (50, 50))
    assert list(Genome(str(path)).lengths) == ["a", "b"]


@pytest.mark.parametrize("packed", [False, True])
def test_an_index_of_another_file_is_rejected(tmp_path, packed):
    path = tmp_path / "genome.fa"
    path.write_bytes(bgzip(fasta()) if packed else fasta())
    (tmp_path / "genome.fa.fai").write_text("chr1\t1200\t20\t60\t61\n")
    with pytest.raises(InputError, match=r"\.fai is not the index of .*genome\.fa: contig 'chr1' does not begin at byte 21\. Run"):
        Genome(str(path))


def index_of(data):
    """Returns the `.fai` index of FASTA bytes as a dict of lists."""
    return {name: list(contig) for name, contig in index_fasta(io.BytesIO(data), "x").items()}


def write_fai(path, index):
    Path(f"{path}.fai").write_text("".join(f"{name}\t" + "\t".join(map(str, numbers)) + "\n" for name, numbers in index.items()))


@given(
    st.dictionaries(st.sampled_from(["a", "b", "chr1", "1"]), st.text("ACGT", min_size=1, max_size=30), min_size=1),
    st.dictionaries(st.sampled_from(["a", "b", "chr1", "1"]), st.text("ACGT", min_size=1, max_size=30), min_size=1),
    st.integers(1, 9), st.integers(1, 9), st.sampled_from(["\n", "\r\n"]), st.sampled_from(["\n", "\r\n"]), st.booleans(),
)  # fmt: skip
def test_only_the_index_of_the_same_file_is_accepted(tmp_path_factory, contigs, others, width, other_width, newline, other_newline, packed):
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    data, other = fasta(contigs, width, newline), fasta(others, other_width, other_newline)
    path.write_bytes(bgzip(data, 20) if packed else data)
    write_fai(path, index_of(data))
    assert Genome(str(path)).lengths == {name: len(text) for name, text in contigs.items()}
    write_fai(path, index_of(other))

    def places(index):
        return {name: [numbers[0], numbers[1], *([numbers[2:]] if numbers[0] > numbers[2] else [])] for name, numbers in index.items()}

    if places(index_of(other)) == places(index_of(data)):
        found = Genome(str(path))
        assert found.stretches(
            list(contigs), *np.array([(0, len(text)) for text in contigs.values()]).T
        ).flat.tobytes().decode() == "".join(contigs.values())
    else:
        with pytest.raises(InputError, match=r"is not the index of .*Run samtools faidx .*, or delete .*genome\.fa\.fai"):
            Genome(str(path))


@pytest.mark.parametrize(("name", "place", "number"), [
    ("chr1", 0, 1002), ("chr1", 0, 1004), ("chr1", 1, 21), ("chr1", 2, 0), ("chr1", 2, 59), ("chr1", 3, 62), ("chr1", 3, 10),
    ("chr2", 2, 30), ("chrM", 0, 6), ("chrM", 0, 10**9), ("chrM", 1, 10**9),
])  # fmt: skip
def test_an_index_with_a_wrong_number_is_rejected(tmp_path, name, place, number):
    path = tmp_path / "genome.fa"
    path.write_bytes(fasta())
    index = index_of(fasta())
    index[name][place] = number
    write_fai(path, index)
    with pytest.raises(InputError, match="is not the index of"):
        Genome(str(path))


@pytest.mark.parametrize("name", list(CONTIGS))
def test_an_index_with_a_missing_or_renamed_contig_is_rejected(tmp_path, name):
    path = tmp_path / "genome.fa"
    path.write_bytes(fasta())
    index = index_of(fasta())
    numbers = index.pop(name)
    write_fai(path, index)
    with pytest.raises(InputError, match="is not the index of"):
        Genome(str(path))
    write_fai(path, {**index, "other": numbers})
    with pytest.raises(InputError, match=r"is not the index of .*contig 'other' does not begin"):
        Genome(str(path))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("fewer", [1, 2])
def test_a_shorter_last_contig_is_rejected(tmp_path, newline, fewer):
    """The file equals the indexed one up to the end of the last line."""
    path = tmp_path / "genome.fa"
    path.write_bytes(fasta({"a": "ACGT", "b": "ACGTACGT"[fewer:]}, 4, newline))
    write_fai(path, index_of(fasta({"a": "ACGT", "b": "ACGTACGT"}, 4, newline)))
    with pytest.raises(InputError, match=r"is not the index of .*contig 'b' does not"):
        Genome(str(path))


def test_an_index_with_an_additional_empty_contig_is_rejected(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_bytes(b">a\nACGT\n\n")
    for offset in (8, 9):
        write_fai(path, {"a": [4, 3, 4, 5], "b": [0, offset, 0, 0]})
        with pytest.raises(InputError, match=f"contig 'b' does not begin at byte {offset + 1}"):
            Genome(str(path))


def test_an_unreadable_index_is_named_in_the_error(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_bytes(b">a\nACGT\n")
    (tmp_path / "genome.fa.fai").mkdir()
    with pytest.raises(InputError, match=r"Cannot read the index .*genome\.fa\.fai: Is a directory"):
        Genome(str(path))


def test_an_index_may_omit_empty_contigs(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_bytes(b"\n>empty\n>a\nACGT\n\n>none\n>b\nGG\n\n>last\n")
    write_fai(path, {"a": [4, 11, 4, 5], "b": [2, 26, 2, 3]})
    assert Genome(str(path)).windows(["a", "b"], np.array([0, 0]), 4).tobytes() == b"ACGTGGNN"


def test_repeated_contigs_in_an_index_are_rejected(tmp_path):
    (tmp_path / "x.fai").write_text("a\t4\t3\t4\t5\na\t4\t3\t4\t5\n")
    with pytest.raises(InputError, match=r"Contig 'a' occurs twice \(.*x\.fai, line 2\)"):
        read_fai(tmp_path / "x.fai")


def test_changed_lines_are_detected_in_later_windows(tmp_path):
    """Line 3 has an additional base and line 6 lacks one, so that contigs begin and end at the same bytes."""
    path = tmp_path / "genome.fa"
    lines = fasta().split(b"\n")
    write_fai(path, index_of(fasta()))
    lines[3], lines[6] = lines[3] + b"A", lines[6][:-1]
    path.write_bytes(b"\n".join(lines))
    os.utime(path, (100, 100))
    genome = Genome(str(path))
    assert genome.windows(["chr1"], np.array([10]), 50).tobytes().decode() == by_hand("chr1", 10, 50)
    with pytest.raises(InputError, match="Expected the lines of chr1:200-250 to have 60 bases, got another length in"):
        genome.windows(["chr1"], np.array([200]), 50)


def test_short_lines_are_detected_in_windows(tmp_path):
    """A base of line 3 is replaced by a line break, so that all other lines begin at the same bytes."""
    path = tmp_path / "genome.fa"
    lines = fasta().split(b"\n")
    write_fai(path, index_of(fasta()))
    lines[3] = lines[3][:-1] + b"\n"
    path.write_bytes(b"\n".join(lines))
    os.utime(path, (100, 100))
    with pytest.raises(InputError, match="Expected 100 DNA letters, got 99 letters in chr1:100-200"):
        Genome(str(path)).windows(["chr1"], np.array([100]), 100)


@pytest.mark.parametrize("how", ["in place", "replaced", "removed"])
def test_a_file_that_changes_during_use_is_rejected(tmp_path, how):
    path = tmp_path / "genome.fa"
    path.write_bytes(fasta())
    genome = Genome(str(path))
    genome.windows(["chr1"], np.array([10]), 50)
    if how != "in place":
        path.unlink()
    if how != "removed":
        path.write_bytes(fasta().replace(b"A", b"C"))
        os.utime(path, (100, 100))
    with pytest.raises(InputError, match=r"genome\.fa changed while it was being read"):
        genome.windows(["chr1"], np.array([10]), 50)


def test_a_byte_order_mark_does_not_shift_windows(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_bytes(b"\xef\xbb\xbf" + fasta())
    assert Genome(str(path)).windows(["chr1"], np.array([10]), 50).tobytes().decode() == by_hand("chr1", 10, 50)


def test_invalid_letters_are_reported_with_their_window(tmp_path):
    path = tmp_path / "protein.fa"
    path.write_bytes(b">a\nACGTACGT\nACGTEFGH\n")
    genome = Genome(str(path))
    assert genome.windows(["a"], np.array([0]), 12).tobytes() == b"ACGTACGTACGT"
    with pytest.raises(InputError, match=r"Expected 4 DNA letters, got 'E' in a:10-14 \(.*protein\.fa\)"):
        genome.windows(["a"], np.array([10]), 4)


@pytest.mark.parametrize(("data", "message"), [
    (gzip.compress(fasta()), "got ordinary gzip"), (b"", "it is empty"), (b"ACGT\n", "got 'ACGT'"),
    (b"PAR1", r"Expected a FASTA file, got a Parquet file: .*genome\.fa\."),
    (b">a\nAC\nACGT\n", "All lines of contig 'a' except the last must have the same length, 2 bases"),
])  # fmt: skip
def test_other_files_are_rejected(tmp_path, data, message):
    path = tmp_path / "genome.fa"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        Genome(str(path))


def test_missing_files_and_standard_input_are_rejected(tmp_path):
    with pytest.raises(InputError, match="File not found: "):
        Genome(str(tmp_path / "none.fa"))
    with pytest.raises(InputError, match="got standard input, which can be read only once: windows are read at any position"):
        Genome("-")


def test_an_exact_contig_name_has_priority():
    assert match_contigs(["1", "chr1"], ["chr1", "1"], "x.fa") == {"1": "1", "chr1": "chr1"}
    assert match_contigs(["chrM"], ["MT", "2"], "x.fa") == {"chrM": "MT"}


@pytest.mark.parametrize(("name", "found"), [("chr1", "chr1"), ("1", "chr1"), ("chr2", "2"), ("MT", None), ("chr", None)])
def test_find_contig_accepts_names_with_and_without_chr(name, found):
    assert find_contig(name, ["chr1", "2"]) == found


def test_long_lists_of_contigs_are_truncated_in_messages():
    with pytest.raises(InputError, match=r"Expected a contig of x\.fa \(c0, c1, c2, c3, c4, \.\.\.\), got 'chrX'"):
        match_contigs(["chrX"], [f"c{number}" for number in range(9)], "x.fa")


def test_windows_are_in_the_requested_order(genome):
    starts = np.random.default_rng(0).permutation(900)
    windows = genome.windows(["chr1"] * 900, starts, 30)
    assert [row.tobytes().decode() for row in windows] == [by_hand("chr1", start, 30) for start in starts.tolist()]


def test_empty_input_gives_an_empty_array(genome):
    assert genome.windows([], np.array([], int), 30).shape == (0, 30)


@given(st.lists(st.tuples(st.sampled_from(list(CONTIGS)), st.integers(-100, 1100), st.integers(0, 80)), max_size=5))
def test_stretches_may_have_different_lengths(genome, places):
    names, starts, lengths = ([place[column] for place in places] for column in range(3))
    texts = genome.stretches(names, np.array(starts, int), np.array(starts, int) + np.array(lengths, int))
    assert [texts[row] for row in range(len(places))] == [by_hand(*place) for place in places]


@pytest.mark.parametrize("known", ["MT", "chrM", "M", "chrMT"])
def test_the_mitochondrial_contig_has_four_names(known):
    assert [find_contig(name, ["chr1", known]) for name in ("MT", "chrM", "M", "chrMT")] == [known] * 4
    assert [find_contig(name, [known]) for name in ("chr1", "chrX", "")] == [None] * 3
