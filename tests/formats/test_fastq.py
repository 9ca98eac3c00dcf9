import gzip
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.formats.fastq import read_fastq
from dreamkeras.formats.reading import read_records

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8)
READS = st.lists(st.tuples(NAMES, st.text("ACGTNacgtn", max_size=30), st.booleans()), min_size=1, max_size=20)


def fastq(reads, end="\n"):
    """Returns FASTQ text whose qualities look like headers."""
    return "".join(
        f"@{name}{' more' * more}{end}{text}{end}+{end}{'@+>!'[: len(text)].ljust(len(text), '@')}{end}" for name, text, more in reads
    )


def read(text, **options):
    found = list(read_fastq(io.BytesIO(text.encode()), "x.fq", **options))
    return [(name, records.sequences[i], int(records.lines[i])) for records in found for i, name in enumerate(records.ids)]


@given(READS, st.sampled_from(["\n", "\r\n"]), st.integers(1, 200), st.booleans())
def test_written_reads_are_read_back(reads, end, block, whole):
    text = fastq(reads, end)
    came = read(text if whole else text.removesuffix(end) or text, block=block)
    assert came == [(name or ("more" if more else str(i + 1)), letters, 4 * i + 1) for i, (name, letters, more) in enumerate(reads)]


def test_batches_have_the_requested_size():
    text = fastq([("a", "ACGT", False)] * 10)
    assert [len(records.ids) for records in read_fastq(io.BytesIO(text.encode()), "x", batch=4)] == [4, 4, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@a\nACGT\n+\nIII\n", "got '@a' .*line 1"),
        ("@a\nAC\n+\nII\nb\nAC\n+\nII\n", "got 'b' .*line 5"),
        ("@a\nAC\nGT\n+\nIIII\n", "four lines per read"),
        ("@a\nAC\n+\nII\n@b\nAC\n", r"an incomplete read \(x.fq, line 5"),
        ("\n\n", "only blank lines in x.fq"),
        ("\n\n\n\n\n", "only blank lines in x.fq"),
    ],
)
def test_malformed_reads_are_reported_with_their_line(text, message):
    with pytest.raises(InputError, match=message):
        read(text)


@pytest.mark.parametrize("name", ["reads.fq", "reads.fastq.gz", "reads.txt"])
def test_the_format_is_detected_by_name_or_content(tmp_path, name):
    data = fastq([("one", "ACGT", True), ("two", "GG", False)]).encode() + b"\n\n"
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    (records,) = read_records(str(tmp_path / name))
    assert records.ids == ["one", "two"]
    assert records.sequences[1] == "GG"


def test_a_large_file_is_read_like_a_plain_loop_reads_it(tmp_path):
    random = np.random.default_rng(0)
    reads = [(f"r{i}", "".join(random.choice(list("ACGT"), random.integers(1, 40))), False) for i in range(3000)]
    text = fastq(reads)
    lines = text.split("\n")
    assert read(text) == [(lines[i][1:], lines[i + 1], i + 1) for i in range(0, len(lines) - 1, 4)]
