"""INFO fields that are added to a VCF, and nothing else of it changed."""

from collections.abc import Sequence
from typing import NamedTuple

from dreamkeras.errors import InputError
from dreamkeras.formats.vcf import INFO

__all__ = ["InfoField", "add_info", "annotated_header"]


class InfoField(NamedTuple):
    """A field that is added to INFO, with a value for each alternative allele.

    Args:
        name: Its key.
        type: `Float`, `Integer` or `String`.
        description: For the header.
    """

    name: str
    type: str
    description: str

    @property
    def line(self) -> bytes:
        """Its line in the header."""
        text = self.description.replace("\\", "\\\\").replace('"', '\\"')
        return f'##INFO=<ID={self.name},Number=A,Type={self.type},Description="{text}">'.encode()


def annotated_header(header: Sequence[bytes], fields: Sequence[InfoField]) -> list[bytes]:
    """A header with lines for INFO fields, above the one that names the columns.

    Raises:
        InputError: It has one of them already.
    """
    for field in fields:
        if any(line.startswith(f"##INFO=<ID={field.name},".encode()) for line in header):
            raise InputError(f"The VCF has an INFO field {field.name} already: choose another prefix.")
    named = next((row for row, line in enumerate(header) if not line.startswith(b"##")), len(header))
    return [*header[:named], *(field.line for field in fields), *header[named:]]


def add_info(text: bytes, added: bytes) -> bytes:
    r"""A record's line with more behind its INFO and everything else as it stood; as it stands where it has no such column.

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
