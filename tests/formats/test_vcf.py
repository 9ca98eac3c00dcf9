import gzip
import io
import sys

import pytest
from bgzip_writer import END, bgzip
from hypothesis import given
from hypothesis import strategies as st
from troubled_vcf import HEADER, troubled_lines

from dreamkeras.errors import InputError
from dreamkeras.formats import vcf as module
from dreamkeras.formats.vcf import open_vcf

LINES = [line for line, _ in troubled_lines(600)]


def write(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


def read(path):
    """Returns the header, and for each field a list over all batches."""
    with open_vcf(path) as vcf:
        batches, lines = [], 0
        for batch in vcf.batches:
            batches.append(batch._replace(records=batch.records + lines))
            lines += len(batch.texts)
        return vcf.header, *([cell for batch in batches for cell in getattr(batch, name)] for name in module.VcfRecords._fields)


def read_records(path):
    """Returns CHROM, POS, ID, REF and ALT of each record."""
    _, _, _, contigs, positions, ids, refs, alts, records = read(path)
    cells = [",".join(alt for alt, record in zip(alts, records, strict=True) if record == row) for row in range(len(refs))]
    return list(zip(contigs, positions, ids, refs, cells, strict=True))


@pytest.mark.parametrize("packed", [bytes, gzip.compress, bgzip], ids=["plain", "gzip", "bgzip"])
def test_every_line_is_a_record_in_any_compression(tmp_path, packed):
    data = (HEADER + "".join(line + "\n" for line in LINES)).encode()
    header, texts, lines, *_ = read(write(tmp_path / "a.vcf", packed(data)))
    assert b"\n".join(header).decode() + "\n" == HEADER
    assert [text.decode() for text in texts] == LINES
    assert lines == list(range(len(header) + 1, len(header) + 1 + len(LINES)))


def test_standard_input_is_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((HEADER + LINES[0]).encode())))
    assert len(read_records("-")) == 1


def test_columns_equal_those_of_pysam(tmp_path):
    pysam = pytest.importorskip("pysam")
    path = write(tmp_path / "a.vcf", HEADER + "".join(line + "\n" for line, _ in troubled_lines(600, broken=False)))
    with pysam.VariantFile(path) as file:
        wanted = [(record.chrom, record.pos, record.id or ".", record.ref, ",".join(record.alts or (".",))) for record in file]
    assert read_records(path) == wanted


@pytest.mark.parametrize(
    "line",
    [
        "chr1\t5\t.\tA\tC\t.\t.",
        "chr1\tx\t.\tA\tC\t.\t.\t.",
        "chr1\t-5\t.\tA\tC\t.\t.\t.",
        "chr1\t5.0\t.\tA\tC\t.\t.\t.",
        "chr1\t1_0\t.\tA\tC\t.\t.\t.",
        "chr1\t\N{FULLWIDTH DIGIT NINE}\t.\tA\tC\t.\t.\t.",
        "chr1\t" + "9" * 19 + "\t.\tA\tC\t.\t.\t.",
        "\t5\t.\tA\tC\t.\t.\t.",
        "chr1\t5\t.\t\tC\t.\t.\t.",
        "chr1\t5\t.\tA\t\t.\t.\t.",
        "chr1 5 . A C . . .",
        "#chr1\t5\t.\tA\tC\t.\t.\t.",
        "text",
    ],
)
def test_malformed_lines_are_returned_as_records(tmp_path, line):
    fine = "chr1\t5\t.\tA\tC\t.\t.\t."
    records = read_records(write(tmp_path / "a.vcf", f"{HEADER}{fine}\n{line}\n{fine}\n"))
    assert [position for _, position, *_ in records] == [5, -1, 5]
    assert [allele[4] for allele in records] == ["C", (line.split("\t") + [""] * 5)[4], "C"]


def test_alleles_refer_to_their_records_and_malformed_ones_are_not_split(tmp_path):
    text = HEADER + "chr1\t5\t.\tA\tC,G,\t.\t.\t.\nchr1\tx\t.\tA\tC,G\t.\t.\t.\n1\t7\t.\tA\t<DEL>\t.\t.\t.\n"
    with open_vcf(write(tmp_path / "a.vcf", text)) as vcf:
        (batch,) = vcf.batches
    assert (batch.records.tolist(), batch.alts) == ([0, 0, 0, 1, 2], ["C", "G", "", "C,G", "<DEL>"])


def test_blank_lines_are_skipped_and_lines_may_end_with_crlf(tmp_path):
    text = HEADER.replace("\n", "\r\n") + "\r\nchr1\t5\t.\tA\tC\t.\t.\t.\r\n\r\nchr1\t6\t.\tA\tC\t.\t.\t."
    header, texts, lines, *_ = read(write(tmp_path / "a.vcf", text))
    assert "\n".join(line.decode() for line in header) + "\n" == HEADER.replace("\n", "\r\n")
    assert texts == [b"chr1\t5\t.\tA\tC\t.\t.\t.\r", b"chr1\t6\t.\tA\tC\t.\t.\t."]
    assert lines == [len(header) + 2, len(header) + 4]


def test_bytes_that_are_not_text_are_kept(tmp_path):
    line = b"chr1\t5\t\xff\tA\tC\t.\t.\tX=\xfe"
    _, texts, _, _, positions, ids, *_ = read(write(tmp_path / "a.vcf", HEADER.encode() + line + b"\n"))
    assert (texts, positions, ids) == ([line], [5], ["\N{REPLACEMENT CHARACTER}"])


def test_a_file_with_only_a_header_has_no_records(tmp_path):
    assert read_records(write(tmp_path / "a.vcf", HEADER)) == []


@given(rows=st.integers(1, 70), letters=st.integers(50, 5000))
def test_batches_are_limited_and_records_do_not_depend_on_their_size(tmp_path_factory, rows, letters):
    path = write(tmp_path_factory.mktemp("v") / "a.vcf", HEADER + "".join(line + "\n" for line in LINES[:200]))
    whole = read(path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "BATCH_ROWS", rows)
        patched.setattr(module, "BATCH_LETTERS", letters)
        assert read(path) == whole
        with open_vcf(path) as vcf:
            for batch in vcf.batches:
                assert len(batch.texts) <= rows
                assert sum(map(len, batch.texts[:-1])) < letters


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"chr1\t5\t.\tA\tC\t.\t.\t.\n", r"a VCF file, which begins with ##fileformat=VCF, got 'chr1\\t5"),
        (b">chr1\nACGT\n", "Expected a VCF file, got a FASTA file: "),
        (gzip.compress(b"BCF\2\2\0\0"), r"Expected a VCF file, got a BCF file: .*\. Convert the variants to VCF with bcftools"),
        (b"PAR1\x15\x04", "Expected a VCF file, got a Parquet file: "),
        (b"", "it is empty"),
        (gzip.compress((HEADER + "\n".join(LINES)).encode())[:-20], "Damaged gzip file"),
        (bgzip((HEADER + "\n".join(LINES)).encode())[: -len(END)], "Truncated bgzip file"),
    ],
)
def test_other_files_are_rejected(tmp_path, data, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "a.vcf", data))


def test_spaces_instead_of_tabs_are_reported(tmp_path):
    path = tmp_path / "a.vcf"
    path.write_text("##fileformat=VCFv4.2\n#CHROM POS ID REF ALT\nchr1 7 . A C\n")
    with pytest.raises(InputError, match=r"must be separated by tabs, but .*a\.vcf, line 2, has no tab"), open_vcf(str(path)):
        pass


def test_a_batch_ends_with_the_line_that_fills_it(tmp_path, monkeypatch):
    line = "chr1\t5\t.\tA\tC\t.\t.\t."
    path = write(tmp_path / "a.vcf", HEADER + f"{line}\n" * 7)
    monkeypatch.setattr(module, "BATCH_LETTERS", 2 * len(line) + 1)
    with open_vcf(path) as vcf:
        assert [len(batch.texts) for batch in vcf.batches] == [3, 3, 1]


def test_lines_may_end_with_a_carriage_return(tmp_path):
    lines = HEADER + "".join(line + "\n" for line in LINES)
    path, mac = write(tmp_path / "a.vcf", lines), write(tmp_path / "b.vcf", lines.replace("\n", "\r"))
    assert read_records(mac) == read_records(path)
    assert len(read_records(mac)) == len(LINES)
