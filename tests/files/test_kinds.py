import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import struct
import tarfile
import zipfile

import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.files import kinds
from dreamkeras.files.decompression import open_source
from dreamkeras.files.kinds import BED, FASTA, VCF, refuse_other_kinds
from dreamkeras.formats.reading import open_table, read_records

TABLE = "id\tsequence\texpression\na\tACGTACGT\t1\n"


def in_memory(write):
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def zipped(*names):
    def write(file):
        with zipfile.ZipFile(file, "w") as archive:
            for name in names:
                archive.writestr(name, "application/vnd.oasis.opendocument.spreadsheet" if name == "mimetype" else "x")

    return in_memory(write)


def tarred(file):
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.fa"))


def database():
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table t (sequence text)")
        return connection.serialize()


# The bytes of formats that Python cannot write are from the specifications of these formats.
WRITTEN = {
    "BAM": gzip.compress(b"BAM\1\0\0\0\0"),
    "CRAM": b"CRAM\3\0" + bytes(20),
    "SAM": b"@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:9\n",
    "BCF": gzip.compress(b"BCF\2\2\0\0\0\0"),
    "index": gzip.compress(b"TBI\1\0\0\0\0"),
    "2bit": struct.pack("<4I", 0x1A412743, 0, 1, 0),
    "2bit ": struct.pack(">4I", 0x1A412743, 0, 1, 0),
    "bigWig": struct.pack("<I2H", 0x888FFC26, 4, 1),
    "bigWig ": struct.pack(">I2H", 0x888FFC26, 4, 1),
    "bigBed": struct.pack("<I2H", 0x8789F2EB, 4, 1),
    "WIG": b"fixedStep chrom=chr1 start=1 step=1\n1\n",
    "GFF": b"##gff-version 3\nchr1\tx\tgene\t1\t9\t.\t+\t.\tID=a\n",
    "GenBank": b"LOCUS       AB000001     80 bp    DNA     linear   SYN 01-JAN-2020\n",
    "EMBL": b"ID   X56734; SV 1; linear; mRNA; STD; PLN; 1859 BP.\n",
    "MEME": b"MEME version 4\n\nALPHABET= ACGT\n",
    "Excel": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "Excel ": zipped("docProps/app.xml", "xl/workbook.xml"),
    "Excel  ": bytes.fromhex("d0cf11e0a1b11ae1") + bytes(100),
    "OpenDocument": zipped("mimetype", "content.xml"),
    "Keras model": zipped("metadata.json", "config.json"),
    "NumPy": in_memory(lambda file: np.save(file, np.zeros(3))),
    "NumPy ": in_memory(lambda file: np.savez(file, letters=np.zeros(3))),
    "Feather": b"FEA1\0\0\0\0",
    "Arrow": b"ARROW1\0\0\xff\xff\xff\xff",
    "Arrow ": b"\xff\xff\xff\xff\xc8\0\0\0\x10\0\0\0",
    "HDF5": b"\x89HDF\r\n\x1a\n\0\0",
    "ORC": b"ORC\x0a\x06\x12\x04\x08\x02\x50\0",
    "Avro": b"Obj\1\4\x16avro.schema",
    "SQLite": database(),
    "R": gzip.compress(b"X\n\0\0\0\3\0\4\2\1"),
    "R ": gzip.compress(b"RDX3\nX\n\0\0\0\3"),
    "pickle": pickle.dumps(["ACGT"]),
    "pickle ": pickle.dumps(["ACGT"], protocol=2),
    "PyTorch": zipped("model/data.pkl"),
    "JSON": b'[{"sequence": "ACGT"}]',
    "JSON ": b'{"sequence": "ACGT", "n": 1}\n',
    "PDF": b"%PDF-1.7\n%\xe2\xe3\n",
    "web page": b"\n<!DOCTYPE html>\n<html>",
    "XML": b'<?xml version="1.0"?>\n<a/>',
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "image": b"\x89PNG\r\n\x1a\n",
    "UTF-16": TABLE.encode("utf-16"),
    "UTF-16 ": TABLE.encode("utf-16-le"),
    "UTF-16  ": TABLE.encode("utf-16-be"),
    "UTF-32": TABLE.encode("utf-32"),
    "UTF-32 ": TABLE.encode("utf-32-be"),
    "zip": zipped("a.fa"),
    "zip ": zipped(),
    "tar": in_memory(tarred),
    "tar ": gzip.compress(in_memory(tarred)),
    "7z": b"7z\xbc\xaf\x27\x1c\0\4",
    "RAR": b"Rar!\x1a\x07\1\0",
    "bzip2": bz2.compress(b"A"),
    "bzip2 ": bz2.compress(b""),
    "xz": lzma.compress(b"A"),
    "zstd": b"\x28\xb5\x2f\xfd\4\0",
    "lz4": b"\x04\x22\x4d\x18\x64",
    "twice": gzip.compress(gzip.compress(b">a\nACGT\n")),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_files_of_other_programs_are_named_with_advice(tmp_path, kind):
    path = tmp_path / "input.tsv"
    path.write_bytes(WRITTEN[kind])
    with pytest.raises(InputError, match=rf"^Cannot read {path}: it is [^.]*{kind.strip()}[^.]*\. [A-Z].*\.$"), open_source(str(path)):
        pass


def test_onnx_models_are_named(tmp_path):
    onnx = pytest.importorskip("onnx")
    graph = onnx.helper.make_graph([], "empty", [], [])
    for options in ({}, {"producer_name": "tf2onnx"}, {"producer_name": "keras2onnx"}):  # the last length, 10, is the byte of a line feed
        onnx.save(onnx.helper.make_model(graph, **options), tmp_path / "model.onnx")
        with pytest.raises(InputError, match=r"it is an ONNX model\. Models are given with -m"), open_source(str(tmp_path / "model.onnx")):
            pass


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("##fileformat=VCFv4.2\n#CHROM\tPOS\n", "a VCF file. dreamkeras variants reads VCF"),
        ("track name=x\nchr1\t5\t9\n", "a BED or bedGraph file. The commands predict, mutagenesis"),
        ("chr1 5 90 1.5\n", "a BED or bedGraph file. The commands predict, mutagenesis"),
    ],
)
def test_kinds_that_other_commands_read_are_refused_as_sequences_and_tables(tmp_path, text, kind):
    path = tmp_path / "input"
    path.write_text(text)
    with open_source(str(path)) as source:
        assert source.head.decode() == text
    with pytest.raises(InputError, match=kind):
        next(read_records(str(path)))
    wanted = f"^Expected a table in TSV, CSV or Parquet, got {kind.split('.')[0]}: {path}\\.$"
    with pytest.raises(InputError, match=wanted), open_table(str(path)):
        pass


@pytest.mark.parametrize(
    ("content", "expected", "message"),
    [
        (WRITTEN["BAM"], FASTA, "a FASTA file, got a BAM file: {}."),
        (WRITTEN["2bit"], FASTA, "a FASTA file, got a 2bit file: {}. Convert the sequences to FASTA with twoBitToFa."),
        (b"##fileformat=VCFv4.2\n", FASTA, "a FASTA file, got a VCF file: {}."),
        (b"chr1 5 90\n", FASTA, "a FASTA file, got a BED or bedGraph file: {}."),
        (b"PAR1", FASTA, "a FASTA file, got a Parquet file: {}."),
        (WRITTEN["Excel"], BED, "a BED file, got an Excel or Word file: {}."),
        (gzip.compress(b"PAR1"), BED, "a BED file, got a Parquet file: {}."),
        (b">a\nACGT\n", BED, "a BED file, got a FASTA file: {}."),
        (WRITTEN["UTF-16"], BED, "a BED file, got UTF-16 text: {}. Convert the text to UTF-8, for example with iconv."),
        (WRITTEN["BCF"], VCF, "a VCF file, got a BCF file: {}. Convert the variants to VCF with bcftools view."),
        (WRITTEN["BAM"], kinds.TABLE, "a table in TSV, CSV or Parquet, got a BAM file: {}."),
        (WRITTEN["Excel"], kinds.TABLE, "a table in TSV, CSV or Parquet, got an Excel or Word file: {}. Save the table as CSV."),
    ],
)
def test_messages_name_the_given_and_the_expected_kind(tmp_path, content, expected, message):
    path = tmp_path / "input"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught, open_source(str(path), expected=expected):
        pass
    assert str(caught.value) == f"Expected {message.format(path)}"


@pytest.mark.parametrize(
    "text",
    [
        ">BAM\nACGT\n", "ACGT\n", "@HD\nACGT\n+\nIIII\n", "BCF1\tACGT\n", "BZh\tACGT\n", "ORC1,ACGT\n", "CRAM,ACGT\n",
        "LOCUS\tsequence\nx\tACGT\n",
        "ID\tsequence\nx\tACGT\n", "version\tsequence\n1\tACGT\n", "TBI,sequence\nx,ACGT\n", "track\tsequence\n1\tACGT\n", "\u00fc\tACGT\n",
    ],
)  # fmt: skip
def test_sequences_and_tables_with_similar_names_are_read(text):
    refuse_other_kinds(text.encode(), "input")
