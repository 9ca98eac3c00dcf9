"""Writes effects of variants to tables with one row per allele, or to the input VCF with additional INFO fields."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, Protocol

import numpy as np

from dreamkeras.errors import InputError
from dreamkeras.files.bgzip import BgzipWriter
from dreamkeras.files.outputs import naming_output, open_text, unpacked_name
from dreamkeras.formats.numbers import format_numbers
from dreamkeras.formats.vcf import VcfRecords
from dreamkeras.formats.vcf_info import InfoField, add_info
from dreamkeras.formats.writers import Writer, open_writer
from dreamkeras.variants.effects import Column, column_names
from dreamkeras.variants.normal_form import NORMAL_FORM
from dreamkeras.variants.scoring import Variants
from dreamkeras.variants.status import MEANINGS, WORDS, Status

__all__ = ["PREFIX", "TableSink", "VariantSink", "VcfSink", "info_fields", "is_vcf_name", "open_table_sink", "open_vcf_sink"]

PREFIX = "DK_"
"""The default prefix of the names of INFO fields."""

_NAME = re.compile(r"[A-Za-z_][0-9A-Za-z_.]*")


class VariantSink(Protocol):
    """Writer of variants, one batch at a time."""

    def write(self, batch: Any, cells: list[Sequence[Any]], variants: Variants) -> None:
        """Writes a batch of variants, with the cells of the key columns and the effects."""


class TableSink:
    """Writes one row per allele, with key columns, status and effects.

    If an allele was not scored, its effects are missing values: null in JSON, and NaN in other formats. See `open_table_sink`.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def write(self, batch: Any, cells: list[Sequence[Any]], variants: Variants) -> None:
        """Writes the rows of a batch."""
        self._writer.write_rows([*cells, [WORDS[code] for code in variants.statuses.tolist()]], variants.values)


class VcfSink:
    """Writes the input records with additional INFO fields, which have one value per alternative allele. See `open_vcf_sink`."""

    def __init__(self, file: BinaryIO | BgzipWriter, fields: Sequence[InfoField]) -> None:
        self._file, self._fields = file, fields

    def write(self, batch: VcfRecords, cells: list[Sequence[Any]], variants: Variants) -> None:
        """Writes the records of a batch."""
        normal_form = [["." if cell in (None, "") else str(cell) for cell in column] for column in cells[-len(NORMAL_FORM) :]]
        numbers = [["." if text == "nan" else text for text in format_numbers(column)] for column in variants.values.T]
        columns = [[WORDS[code] for code in variants.statuses.tolist()], *normal_form, *numbers]
        ends = np.searchsorted(batch.records, np.arange(len(batch.texts)), side="right").tolist()
        first = 0
        lines = []
        for text, last in zip(batch.texts, ends, strict=True):
            added = ";".join(f"{field.name}={','.join(column[first:last])}" for field, column in zip(self._fields, columns, strict=True))
            lines.append(add_info(text, added.encode()) + b"\n")
            first = last
        self._file.write(b"".join(lines))


def is_vcf_name(path: str) -> bool:
    """Returns whether a file name ends with `.vcf`, `.vcf.gz` or `.vcf.bgz`, in upper or lower case."""
    return unpacked_name(path.lower()).endswith(".vcf")


@contextmanager
def open_table_sink(path: str, keys: Mapping[str, type], names: Sequence[str], format: str | None = None) -> Iterator[TableSink]:
    """Opens a table with key columns, the column `status` and columns of effects. The table gets its name only when it is complete.

    Args:
        path: Path of the table.
        keys: Names and types of the key columns.
        names: Names of the columns of effects.
        format: One of `formats.names.TABLES`. If None, the suffix of `path` determines the format. A path without a suffix means `tsv`.
    """
    with open_writer(path, names, format, {**keys, "status": str}) as writer:
        yield TableSink(writer)


@contextmanager
def open_vcf_sink(path: str, header: Sequence[bytes], fields: Sequence[InfoField]) -> Iterator[VcfSink]:
    """Opens a VCF for writing. The file gets its name only when it is complete.

    Args:
        path: Path of the VCF. A VCF whose name ends with .gz or .bgz is compressed with bgzip.
        header: Header lines, see `vcf_info.annotated_header`.
        fields: The additional INFO fields.
    """
    with open_text(path) as file, naming_output(path):
        file.write(b"".join(line + b"\n" for line in header))
        yield VcfSink(file, fields)


def info_fields(columns: Sequence[Column], tasks: Sequence[str], prefix: str = PREFIX) -> list[InfoField]:
    """Returns INFO fields for the status, the normal form and each column of effects. Effects are in the order of `effects.column_names`.

    Raises:
        InputError: A field name cannot begin with the prefix, or two tasks would have the same field name.
    """
    if not _NAME.fullmatch(prefix):
        raise InputError(f"Expected a prefix of letters, digits, dots and underscores that does not begin with a digit, got {prefix!r}.")
    meanings = "; ".join(f"{WORDS[status]}: {meaning}" for status, meaning in MEANINGS.items() if status != Status.OK)
    first = [InfoField(f"{prefix}status", "String", f"ok if the allele was scored, otherwise the reason why it was not scored. {meanings}")]
    for name, kind in NORMAL_FORM.items():
        text = f"{name.removeprefix('norm_').upper()} of the allele, trimmed and left-aligned"
        first.append(InfoField(f"{prefix}{name}", "Integer" if kind is int else "String", text))
    names = [re.sub(r"[^0-9A-Za-z_.]", "_", prefix + name) for name in column_names(columns, tasks)]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"Two tasks would both have the INFO field {twice}. Write a table instead of a VCF.")
    texts = [column.description.format(task=task) for task in tasks for column in columns]
    return [*first, *(InfoField(name, "Float", text) for name, text in zip(names, texts, strict=True))]
