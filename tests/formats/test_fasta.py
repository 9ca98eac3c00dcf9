import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.formats.fasta import read_fasta, read_fasta_pieces, read_lines

IDS = st.text("abcXYZ019_|:.>-;é中", min_size=1, max_size=8)
LETTERS = st.text("ACGTNacgtn*-", max_size=40)
RECORDS = st.lists(st.tuples(IDS, LETTERS), min_size=1, max_size=12)
BLOCKS = st.integers(1, 200)


def listed(batches):
    return [
        (name, text, line)
        for batch in batches
        for name, text, line in zip(batch.ids, list(batch.sequences), batch.lines.tolist(), strict=True)
    ]


def read(data, **sizes):
    return listed(read_fasta(io.BytesIO(data), "x.fa", **sizes))


def by_hand(data):
    """FASTA a line at a time."""
    found = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.startswith(b">"):
            name = line[1:].split()[:1]
            found.append([name[0].decode() if name else str(len(found) + 1), "", number])
        elif line.strip():
            found[-1][1] += b"".join(line.split()).decode("latin-1")
    return [tuple(record) for record in found]


def wrapped(records, width, newline, gaps=False):
    """Returns records as FASTA text with `width` letters per line."""
    out = io.StringIO(newline="")
    for name, text in records:
        out.write(f">{name}{newline}")
        for i in range(0, len(text), width):
            out.write(text[i : i + width] + newline * (1 + gaps))
    return out.getvalue().encode()


@given(RECORDS, st.integers(1, 50), st.sampled_from(["\n", "\r\n"]), st.booleans(), BLOCKS, st.integers(1, 5))
def test_records_do_not_depend_on_line_lengths_and_blocks(records, width, newline, gaps, block, batch):
    data = wrapped(records, width, newline, gaps)
    found = read(data, block=block, batch=batch)
    assert [(name, text) for name, text, _ in found] == records
    assert found == by_hand(data)


@given(RECORDS, st.integers(1, 50), st.sampled_from(["\n", "\r\n"]), BLOCKS)
def test_a_missing_last_line_break_is_accepted(records, width, newline, block):
    data = wrapped(records, width, newline)
    assert read(data.rstrip(b"\r\n"), block=block) == read(data)


@given(
    st.lists(st.tuples(st.text("abc|>:1", min_size=1, max_size=8), st.text("ACGTNacgtn", max_size=40)), min_size=1, max_size=12),
    st.integers(1, 50),
    BLOCKS,
)
def test_records_equal_those_of_dnaio(records, width, block):
    dnaio = pytest.importorskip("dnaio")
    data = wrapped(records, width, "\n")
    with dnaio.open(io.BytesIO(data), fileformat="fasta") as reader:
        wanted = [(record.name, record.sequence) for record in reader]
    assert [(name, text) for name, text, _ in read(data, block=block)] == wanted


@given(st.text(">\n\r\t aAé;N", max_size=60), BLOCKS)
def test_any_text_with_a_header_is_read_like_a_plain_loop_reads_it(text, block):
    data = f">{text}".encode()
    assert read(data, block=block) == by_hand(data)


@pytest.mark.parametrize("block", range(1, 40))
def test_records_do_not_depend_on_the_block_size(block):
    data = b"\n>a one\nAC\nGT\n\n>b\r\nNN \r\n>\n>d\tx\nac gt"
    assert read(data, block=block) == [("a", "ACGT", 2), ("b", "NN", 6), ("3", "", 8), ("d", "acgt", 9)]


@pytest.mark.parametrize("header", [b"id", b"id description", b"id\tdescription", b" id", b"id \r"])
def test_the_id_ends_at_white_space(header):
    assert read(b">" + header + b"\nAC\n") == [("id", "AC", 1)]


def test_empty_records_are_returned():
    assert read(b">a\n>b\n\n>c\nA\n>d") == [("a", "", 1), ("b", "", 2), ("c", "A", 4), ("d", "", 6)]


def test_records_without_a_name_are_numbered():
    assert [name for name, _, _ in read(b">\nA\n" * 30, block=7)] == [str(i) for i in range(1, 31)]


def test_letters_are_unchanged():
    assert read(b">a\nAC>G*\x01-\n")[0][1] == "AC>G*\x01-"


def test_ids_are_utf_8_or_latin_1():
    assert [name for name, _, _ in read(b">caf\xc3\xa9\nA\n>caf\xe9\nA\n")] == ["café", "café"]


def test_batches_are_limited_and_have_all_fields():
    data = b"".join(b">r%d\nACGT\n" % i for i in range(100))
    batches = list(read_fasta(io.BytesIO(data), "x.fa", batch=7))
    assert max(len(batch.ids) for batch in batches) == 7
    assert all(batch.source == "x.fa" and len(batch.lines) == len(batch.sequences) == len(batch.ids) for batch in batches)
    assert batches[0].sequences.flat.dtype == np.uint8
    assert batches[0].sequences.offsets.dtype == batches[0].lines.dtype == np.int64


def test_a_small_file_is_one_batch():
    assert len(list(read_fasta(io.BytesIO(b">a\nA\n" * 30), "x.fa"))) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"ACGT\n>a\nA\n", "got 'ACGT' (x.fa, line 1)"),
        (b"\n\r\n \nACGTACGTACGTACGTACGTACGT", "got 'ACGTACGTACGTACGTACGT' (x.fa, line 4)"),
        (b"\n >a\nA\n", "got ' >a' (x.fa, line 2)"),
        (b"\n\n \n", "got only blank lines in x.fa"),
    ],
)
@pytest.mark.parametrize("block", [1, 5, 1000])
def test_files_without_a_header_are_rejected(data, message, block):
    with pytest.raises(InputError, match="Expected a FASTA header") as caught:
        read(data, block=block)
    assert message in str(caught.value)


def test_a_long_line_is_not_copied_repeatedly():
    data = b">a\n" + b"ACGT" * 500_000
    ((name, text, _),) = read(data, block=1000)
    assert (name, len(text)) == ("a", 2_000_000)


def test_memory_does_not_grow_with_the_file():
    def peak(records):
        tracemalloc.start()
        for _ in read_fasta(Repeated(b">a\n" + b"ACGT" * 25 + b"\n", records), "x.fa", block=1 << 14):
            pass
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    assert peak(20_000) < 1.2 * peak(1000)


class Repeated(io.RawIOBase):
    """A stream that repeats a record without holding all repeats in memory."""

    def __init__(self, record, times):
        self.record, self.size, self.place = record, len(record) * times, 0

    def read(self, size=-1):
        size = min(size, self.size - self.place)
        start = self.place % len(self.record)
        self.place += size
        return (self.record * (size // len(self.record) + 2))[start : start + size]


@given(st.lists(st.sampled_from(["", "ACGT", "acgtn", " AC ", "\tG", "A C"]), max_size=30), st.sampled_from(["\n", "\r\n"]), BLOCKS)
def test_lines_are_records_numbered_from_1(lines, newline, block):
    wanted = [(line.strip(), number) for number, line in enumerate(lines, 1) if line.strip()]
    data = newline.join(lines).encode()
    if not wanted:
        with pytest.raises(InputError, match="Expected one sequence per line"):
            listed(read_lines(io.BytesIO(data), "x.txt", block=block))
        return
    found = listed(read_lines(io.BytesIO(data), "x.txt", block=block))
    assert found == [(str(i), text, line) for i, (text, line) in enumerate(wanted, 1)]


@given(RECORDS, st.integers(1, 9), BLOCKS)
def test_concatenated_pieces_equal_the_records(records, width, block):
    data = "".join(f">{name} x\n" + "".join(text[i : i + width] + "\n" for i in range(0, len(text), width)) for name, text in records)
    joined = []
    for piece in read_fasta_pieces(io.BytesIO(data.encode()), "x.fa", block=block):
        assert len(piece.letters)
        if piece.begins:
            joined.append([piece.name, "", piece.line])
        assert joined[-1][::2] == [piece.name, piece.line]
        joined[-1][1] += piece.letters.tobytes().decode()
    assert list(map(tuple, joined)) == [record for record in by_hand(data.encode()) if record[1]]
