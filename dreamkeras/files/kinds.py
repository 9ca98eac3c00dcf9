"""Recognises files of other programs by their first bytes, so that an error message names the kind of file and the next step.

The formats in which dreamkeras reads sequences and tables are detected in `formats.reading`.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from dreamkeras.errors import DreamkerasError, InputError

__all__ = [
    "BED",
    "BIGWIG",
    "FASTA",
    "HEAD",
    "JSON",
    "KERAS",
    "MEASUREMENTS",
    "ONNX",
    "PAIRS",
    "READ_BED",
    "TABLE",
    "TOML",
    "TORCH",
    "TO_BED",
    "TO_UTF8",
    "VCF",
    "Expected",
    "refuse_other_kinds",
    "require_kind",
]

HEAD = 1 << 16
"""Number of first bytes from which the kind of a file is recognised."""

TO_UTF8 = "Convert the text to UTF-8, for example with iconv."
"""Advice for a text with another encoding."""

READ_BED = "The commands predict, mutagenesis, attribute and ablate read BED regions with --genome FASTA."
"""Advice for a BED file."""

TO_BED = "Convert the regions to BED, and give the reference genome."
"""Advice for another file of regions."""

_DECOMPRESS = "Decompress the file, or compress it with gzip."
_EXTRACT = "Extract the files from it."
_DOWNLOAD = "Download the data file that the page refers to."
_PULL = "Download the file itself with git lfs pull."
_GIVE_INDEXED = "Give the indexed file."
_GUNZIP = "Decompress it once with gunzip."
_FROM_2BIT = "Convert the sequences to FASTA with twoBitToFa."
_TO_VCF = "Convert the variants to VCF with bcftools view."
_TO_FASTA = "Convert the sequences to FASTA."
_TO_CSV = "Save the table as CSV."
_TO_TABLE = "Save the sequences as FASTA, or the table as TSV, CSV or Parquet."
_MODEL = "Models are given with -m."

_TEXT = rb"[\t\n\r -~]"
_BINARY = rb"[\0-\x08\x0e-\x1f\x80-\xff]"
_SPACED = rb"\S+ +[0-9]+ +[0-9]+( [^\t,\n]*)?\r?\n"
"""First line of a BED file with spaces between its columns."""

_MEMBER = rb"PK\x03\x04(?s:.{26})"
"""Header of a zip archive's first file. The name of the file follows."""


class _Kind(NamedTuple):
    """A kind of file.

    Args:
        name: Name of the kind with its article, such as "a BAM file".
        first: Regular expression for the first bytes of the content.
        advice: Sentence that says how to get a file that dreamkeras reads.
        has_reader: Whether some commands read the kind. No command reads the other kinds.
    """

    name: str
    first: bytes
    advice: str
    has_reader: bool = False


_KINDS = (
    _Kind("a BAM file", rb"BAM\x01", "Convert the reads to FASTQ, for example with samtools fastq."),
    _Kind("a CRAM file", rb"CRAM[\x01-\x0f]", "Convert the reads to FASTQ, for example with samtools fastq."),
    _Kind("a SAM file", rb"@(HD\tVN|SQ\tSN|RG\tID|PG\tID):", "Convert the reads to FASTQ, for example with samtools fastq."),
    _Kind("a VCF file", rb"##fileformat=VCF", "dreamkeras variants reads VCF.", has_reader=True),
    _Kind("a BCF file", rb"BCF[\x01-\x0f]", _TO_VCF),
    _Kind("an index of a compressed file", rb"(TBI|CSI|BAI)\x01", _GIVE_INDEXED),
    _Kind("a 2bit file", rb"\x43\x27\x41\x1a|\x1a\x41\x27\x43", _FROM_2BIT),
    _Kind("a bigWig file", rb"\x26\xfc\x8f\x88|\x88\x8f\xfc\x26", "A bigWig file contains values, not sequences or regions."),
    _Kind("a bigBed file", rb"\xeb\xf2\x89\x87|\x87\x89\xf2\xeb", TO_BED),
    _Kind("a WIG file", rb"(fixed|variable)Step +chrom=", "A WIG file contains values, not sequences or regions."),
    _Kind("a BED or bedGraph file", rb"track +\w+=|browser +\w+ |" + _SPACED, READ_BED, has_reader=True),
    _Kind("a GFF file", rb"##gff-version|#!genome-build|##description: ", TO_BED),
    _Kind("a GenBank file", rb"LOCUS {4,}\S", _TO_FASTA),
    _Kind("an EMBL file", rb"ID   \S+;", _TO_FASTA),
    _Kind("a file of MEME motifs", rb"MEME version [0-9]", "Give a file of sequences."),
    _Kind("an Excel or Word file", _MEMBER + rb"(xl/|docProps/|\[Content_Types\]\.xml)|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _TO_CSV),
    _Kind("an OpenDocument file", _MEMBER + rb"mimetypeapplication/vnd\.oasis\.opendocument", _TO_CSV),
    _Kind("a Keras model", _MEMBER + rb"(metadata|config)\.json|" + _MEMBER + rb"model\.weights\.h5", _MODEL),
    _Kind("an ONNX model", rb"\x08[\x03-\x20](\x12[\x01-\x7f][ -~]|:)", _MODEL),
    _Kind("a NumPy file", rb"\x93NUMPY|" + _MEMBER + rb"[^/]+\.npy", _TO_TABLE),
    _Kind("a Feather or Arrow file", rb"FEA1\0|ARROW1\0|\xff\xff\xff\xff(?s:.{3})\0", _TO_TABLE),
    _Kind("an HDF5 file", rb"\x89HDF\r\n\x1a\n", _TO_TABLE),
    _Kind("an ORC file", rb"ORC((?s:.{0,8})\0|" + _BINARY + rb")", _TO_TABLE),
    _Kind("an Avro file", rb"Obj\x01", _TO_TABLE),
    _Kind("an SQLite database", rb"SQLite format 3\0", _TO_TABLE),
    _Kind("an R file", rb"RD[XAB][1-9]\n|[XAB]\n\0\0\0[\x02-\x09]", _TO_TABLE),
    _Kind(
        "a Python pickle or PyTorch file", _MEMBER + rb"[^/]+/(data\.pkl|\.format_version)|\x80[\x02-\x09](" + _TEXT + rb"|\x95)", _TO_TABLE
    ),
    _Kind("a safetensors file", rb"(?s:.{4})\0{4}\{\"", _TO_TABLE),
    _Kind("a JSON file", rb"\s*(\{\s*[\"}]|\[\s*[\"{\[])", _TO_TABLE),
    _Kind("a PDF file", rb"%PDF-", _TO_TABLE),
    _Kind("a web page", rb"(?i)\s*(<!doctype html|<html|<head)", _DOWNLOAD),
    _Kind("an XML file", rb"\s*<\?xml", _TO_TABLE),
    _Kind("a pointer of Git LFS", rb"version https://git-lfs", _PULL),
    _Kind("an image", rb"\x89PNG|\xff\xd8\xff|GIF8[79]a", _TO_TABLE),
    _Kind("UTF-32 text", rb"\xff\xfe\0\0|\0\0\xfe\xff|(" + _TEXT + rb"\0\0\0){2}|(\0\0\0" + _TEXT + rb"){2}", TO_UTF8),
    _Kind("UTF-16 text", rb"\xff\xfe|\xfe\xff|(" + _TEXT + rb"\0){4}|(\0" + _TEXT + rb"){4}", TO_UTF8),
    _Kind("a zip archive", rb"PK(\x03\x04|\x05\x06)", _EXTRACT),
    _Kind("a tar archive", rb"(?s:.{257})ustar", _EXTRACT),
    _Kind("a 7z archive", rb"7z\xbc\xaf\x27\x1c", _EXTRACT),
    _Kind("a RAR archive", rb"Rar!\x1a\x07", _EXTRACT),
    _Kind("a bzip2 file", rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", _DECOMPRESS),
    _Kind("an xz file", rb"\xfd7zXZ\0", _DECOMPRESS),
    _Kind("a zstd file", rb"\x28\xb5\x2f\xfd", _DECOMPRESS),
    _Kind("an lz4 file", rb"\x04\x22\x4d\x18", _DECOMPRESS),
    _Kind("a file compressed twice with gzip", rb"\x1f\x8b", _GUNZIP),
)
"""All kinds. If the first bytes match several kinds, the first of these kinds is used."""

_PATTERNS = [(re.compile(kind.first), kind) for kind in _KINDS]

_IS_BINARY = re.compile(rb"[\0-\x08\x0e-\x19\x1b-\x1f]")
_TEXT_FILE, _BINARY_FILE, _EMPTY_FILE, _PARQUET, _FASTA = "a text file", "binary data", "an empty file", "a Parquet file", "a FASTA file"
_READ = (
    (_EMPTY_FILE, re.compile(rb"\Z")),
    (_PARQUET, re.compile(rb"PAR1")),
    (_FASTA, re.compile(rb"\s*>[^\r\n]*[\r\n]+[A-Za-z*-]+ *([\r\n]|\Z)")),
    ("a FASTQ file", re.compile(rb"@[^\r\n]*[\r\n]+[A-Za-z*.-]+[\r\n]+\+")),
)
"""Kinds that are recognised only to name them."""

_ALWAYS = (TO_UTF8, _DECOMPRESS, _EXTRACT, _DOWNLOAD, _PULL, _GIVE_INDEXED, _GUNZIP)
"""Advice that does not depend on the expected kind of file."""

_ANY_TEXT = (_TEXT_FILE, _BINARY_FILE)
"""Kinds that the readers of text check themselves."""


class Expected(NamedTuple):
    """The kind of file that an input must have.

    Args:
        name: Name of the expected kind, for messages.
        accepted: Names of the kinds that are accepted.
        advice: Sentences that say how to get an expected file, by the name of the kind that was given.
    """

    name: str
    accepted: tuple[str, ...]
    advice: Mapping[str, str] = {}


FASTA = Expected("a FASTA file", (_FASTA, *_ANY_TEXT), {"a 2bit file": _FROM_2BIT, "a GenBank file": _TO_FASTA, "an EMBL file": _TO_FASTA})
BED = Expected("a BED file", ("a BED or bedGraph file", *_ANY_TEXT), {"a bigBed file": TO_BED, "a GFF file": TO_BED})
VCF = Expected("a VCF file", ("a VCF file", *_ANY_TEXT), {"a BCF file": _TO_VCF})
TABLE = Expected(
    "a table in TSV, CSV or Parquet", (_PARQUET, *_ANY_TEXT), {"an Excel or Word file": _TO_CSV, "an OpenDocument file": _TO_CSV}
)
MEASUREMENTS = TABLE._replace(name="a table (TSV, CSV or Parquet) of sequences and measured values")
PAIRS = TABLE._replace(accepted=(*TABLE.accepted, "a VCF file"))
BIGWIG = Expected("a bigWig file", ("a bigWig file",), {"a WIG file": "Convert it with wigToBigWig."})
TOML = Expected("a TOML file", (_TEXT_FILE, _EMPTY_FILE, "a JSON file"))  # [[a]] begins like JSON
JSON = Expected("a JSON file", ("a JSON file", _TEXT_FILE))
ONNX = Expected(
    "an ONNX model or a run folder",
    ("an ONNX model", _BINARY_FILE),
    {"a Keras model": "Give the run folder of the model, or convert the model with dreamkeras export."},
)
KERAS = Expected("a run folder or a .keras file", ("a Keras model",))
TORCH = Expected("a PyTorch checkpoint", ("a Python pickle or PyTorch file", "a zip archive", _BINARY_FILE))


def refuse_other_kinds(head: bytes, name: str, *, accept_readable: bool = False) -> None:
    r"""Checks that the content of a file is not of another program's kind.

    Args:
        head: First bytes of the content, after decompression.
        name: Name of the file, for error messages.
        accept_readable: Whether to accept the kinds that some commands read.

    Raises:
        InputError: The content is of a refused kind.

    Example:
        >>> refuse_other_kinds(b"BAM\x01...", "reads.bam")
        Traceback (most recent call last):
        dreamkeras.errors.InputError: Cannot read reads.bam: it is a BAM file. Convert the reads to FASTQ, for example with samtools fastq.
    """
    for pattern, kind in _PATTERNS:
        if pattern.match(head) and not (accept_readable and kind.has_reader):
            raise InputError(f"Cannot read {name}: it is {kind.name}. {kind.advice}")


def require_kind(head: bytes, name: str, expected: Expected, error: type[DreamkerasError] = InputError, packed: str = "") -> None:
    r"""Checks that the content of a file is of an expected kind.

    Args:
        head: First bytes of the content, after decompression.
        name: Name of the file, for error messages.
        expected: Expected kind.
        error: Class of the exception.
        packed: Text that the error message appends to the kind of a compressed file.

    Raises:
        DreamkerasError: The content is of another kind. The exception has the class `error`.

    Example:
        >>> require_kind(b"BAM\x01...", "peaks.bam", BED)
        Traceback (most recent call last):
        dreamkeras.errors.InputError: Expected a BED file, got a BAM file: peaks.bam.
    """
    kind = next((kind for pattern, kind in _PATTERNS if pattern.match(head)), None)
    plain = _BINARY_FILE if _IS_BINARY.search(head) else _TEXT_FILE
    found = kind.name if kind else next((other for other, pattern in _READ if pattern.match(head)), plain)
    if packed or found not in expected.accepted:
        advice = expected.advice.get(found) or (kind.advice if kind and kind.advice in _ALWAYS else "")
        raise error(f"Expected {expected.name}, got {found}{packed}: {name}. {advice}".rstrip())
