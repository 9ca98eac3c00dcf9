"""Adds INFO fields to the lines of a VCF file. Only the INFO column of a line is changed."""

import importlib.metadata
from collections.abc import Sequence
from typing import NamedTuple

from dreamkeras.errors import InputError
from dreamkeras.formats.vcf import INFO

__all__ = ["InfoField", "add_info", "annotated_header"]


class InfoField(NamedTuple):
    """An INFO field with one value for each alternative allele.

    Args:
        name: Key of the field.
        type: `Float`, `Integer` or `String`.
        description: Description of the field in the header.
    """

    name: str
    type: str
    description: str

    @property
    def line(self) -> bytes:
        """Header line that declares the field."""
        return f"##INFO=<ID={self.name},Number=A,Type={self.type},Description={_quoted(self.description)}>".encode()


def annotated_header(header: Sequence[bytes], fields: Sequence[InfoField], model: str) -> list[bytes]:
    """Inserts a line for each INFO field and a line for the model above the column names of a header, and returns the new header.

    Args:
        header: Lines of the header.
        fields: INFO fields to declare.
        model: Name of the model that computes the values of the fields.

    Raises:
        InputError: The header already declares one of the fields.
    """
    for field in fields:
        if any(line.startswith(f"##INFO=<ID={field.name},".encode()) for line in header):
            raise InputError(f"The VCF already has an INFO field {field.name}. Choose another prefix.")
    named = next((row for row, line in enumerate(header) if not line.startswith(b"##")), len(header))
    program = f"##dreamkeras_variants=<Version={_quoted(importlib.metadata.version('dreamkeras'))},Model={_quoted(model)}>"
    return [*header[:named], *(field.line for field in fields), program.encode(), *header[named:]]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def add_info(text: bytes, added: bytes) -> bytes:
    r"""Appends text to the INFO column of a VCF line. Lines without an INFO column are returned unchanged.

    Example:
        >>> add_info(b"1\t7\t.\tA\tC\t.\t.\t.\tGT", b"X=1"), add_info(b"1\t7\t.\tA\tC\t.\t.\tDP=3", b"X=1")
        (b'1\t7\t.\tA\tC\t.\t.\tX=1\tGT', b'1\t7\t.\tA\tC\t.\t.\tDP=3;X=1')
    """
    body = text.removesuffix(b"\r")
    cells = body.split(b"\t", INFO + 1)
    if len(cells) <= INFO or text.startswith(b"#"):
        return text
    info = cells[INFO]
    cells[INFO] = added if info in (b".", b"") else info + b";" * (not info.endswith(b";")) + added
    return b"\t".join(cells) + text[len(body) :]
