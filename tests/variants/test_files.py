"""Tests of output files of variants, read with pysam and table readers."""

import csv
import gzip
import re

import numpy as np
import pytest
from troubled_vcf import HEADER, troubled_lines

from dreamkeras.errors import InputError
from dreamkeras.files.bgzip import check_bgzip_end
from dreamkeras.formats.vcf import open_vcf
from dreamkeras.formats.vcf_info import annotated_header
from dreamkeras.variants.effects import effect_columns
from dreamkeras.variants.files import info_fields, is_vcf_name, open_table_sink, open_vcf_sink
from dreamkeras.variants.scoring import Variants
from dreamkeras.variants.status import WORDS, Status

TASKS = ("log2(RNA/DNA)", "hk")
COLUMNS = effect_columns(2)


@pytest.fixture
def made(tmp_path):
    """Function `made(lines)` that returns a header, a batch, normal forms of a third of the alleles, and numbers for all alleles."""

    def make(lines):
        path = tmp_path / "in.vcf"
        path.write_text(HEADER + "".join(line + "\n" for line in lines))
        with open_vcf(str(path)) as vcf:
            (batch,) = vcf.batches
        rows = len(batch.alts)
        random = np.random.default_rng(0)
        statuses = np.where(random.random(rows) < 0.7, Status.OK, Status.OUTSIDE).astype(np.uint8)
        values = random.normal(size=(rows, len(TASKS) * len(COLUMNS))).astype(np.float32)
        values[statuses != Status.OK] = np.nan
        forms = [(row + 1, *"AC") if row % 3 == 0 else (None, "", "") for row in range(rows)]
        return vcf.header, batch, [*zip(*forms, strict=True)], Variants(statuses, values)

    return make


def write(path, header, batch, forms, variants):
    fields = info_fields(COLUMNS, TASKS)
    with open_vcf_sink(str(path), annotated_header(header, fields, "toy"), fields) as sink:
        sink.write(batch, [[], *forms], variants)
    return path


@pytest.mark.parametrize("name", ["out.vcf", "out.vcf.gz", "out.VCF.BGZ"])
def test_pysam_reads_a_value_for_each_alternative_allele(tmp_path, made, name):
    pysam = pytest.importorskip("pysam")
    header, batch, forms, variants = made([line for line, _ in troubled_lines(300, broken=False)])
    path = write(tmp_path / name, header, batch, forms, variants)
    fields = [field.name for field in info_fields(COLUMNS, TASKS)]
    statuses, found, numbers = [], [], []
    with pysam.VariantFile(str(path)) as file:
        assert [file.header.info[field].number for field in fields] == ["A"] * len(fields)
        for record in file:
            statuses += record.info[fields[0]]
            found += zip(*(record.info[field] for field in fields[1:4]), strict=True)
            numbers += zip(*(record.info[field] for field in fields[4:]), strict=True)
    assert statuses == [WORDS[code] for code in variants.statuses]
    assert [(position, *(allele.strip(".") for allele in alleles)) for position, *alleles in found] == [*zip(*forms, strict=True)]
    np.testing.assert_allclose(np.array(numbers, np.float64), variants.values, rtol=1e-5)


@pytest.mark.parametrize(("name", "packed"), [("o.gz", True), ("o.BGZ", True), ("o.vcf.gz", True), ("o.vcf", False), ("o", False)])
def test_vcf_is_compressed_according_to_its_name(tmp_path, made, name, packed):
    path = write(tmp_path / name, *made([line for line, _ in troubled_lines(3)]))
    plain = write(tmp_path / "plain.vcf", *made([line for line, _ in troubled_lines(3)]))
    assert (gzip.decompress(path.read_bytes()) if packed else path.read_bytes()) == plain.read_bytes()


def test_everything_except_info_is_unchanged(tmp_path, made):
    lines = [line for line, _ in troubled_lines(300)]
    header, batch, forms, variants = made(lines)
    found = write(tmp_path / "out.vcf", header, batch, forms, variants).read_text().splitlines()
    added = [line for line in found if line.startswith(("##INFO=<ID=DK_", "##dreamkeras_variants=<"))]
    assert len(added) == 1 + 4 + len(TASKS) * len(COLUMNS)
    stripped = [re.sub(r"(;DK|(?<=\t)DK)_status=[^\t]*", "", line) for line in found if line not in added]
    assert [re.sub(r"\t\t(?=GT)", "\t.\t", line) for line in stripped] == HEADER.splitlines() + lines


def test_a_compressed_vcf_is_bgzip_with_an_end_marker(tmp_path, made):
    parts = made([line for line, _ in troubled_lines(300)])
    path = write(tmp_path / "out.vcf.gz", *parts)
    check_bgzip_end(str(path))
    assert path.read_bytes()[12:14] == b"BC"
    pysam = pytest.importorskip("pysam")
    with pysam.BGZFile(str(path)) as file:
        assert file.read(10**7) == gzip.decompress(path.read_bytes())
    assert gzip.decompress(path.read_bytes()) == write(tmp_path / "out.vcf", *parts).read_bytes()


def test_a_table_has_a_row_for_each_allele(tmp_path, made):
    _, batch, _, variants = made([line for line, _ in troubled_lines(30)])
    names = ("x", "y")
    with open_table_sink(str(tmp_path / "o.csv"), {"chrom": str, "pos": int}, names) as sink:
        rows = batch.records
        cells = [[batch.contigs[row] for row in rows], [7] * len(rows)]
        sink.write(batch, cells, variants._replace(values=variants.values[:, :2]))
    header, *found = csv.reader((tmp_path / "o.csv").read_text().splitlines())
    assert header == ["chrom", "pos", "status", "x", "y"]
    assert [row[2] for row in found] == [WORDS[code] for code in variants.statuses]
    np.testing.assert_allclose(np.array([row[3:] for row in found], float), variants.values[:, :2], rtol=1e-5)


def test_names_of_fields_are_valid_in_vcf():
    names = [field.name for field in info_fields(COLUMNS, TASKS, "my.")]
    assert names[:4] == ["my.status", "my.norm_pos", "my.norm_ref", "my.norm_alt"]
    assert names[4:6] == ["my.log2_RNA_DNA__ref", "my.log2_RNA_DNA__alt"]
    assert all(re.fullmatch(r"[A-Za-z_][0-9A-Za-z_.]*", name) for name in names)
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("prefix", ["", "1a", "a b", "é", "a=", "a;"])
def test_an_invalid_prefix_is_refused(prefix):
    with pytest.raises(InputError, match="Expected a prefix of letters"):
        info_fields(COLUMNS, TASKS, prefix)


def test_tasks_with_the_same_field_name_are_refused():
    with pytest.raises(InputError, match=r"^Two tasks would both have the INFO field DK_a_b_ref"):
        info_fields(COLUMNS, ("a b", "a-b"))


def test_an_error_leaves_no_file(tmp_path, made):
    header, batch, forms, variants = made([line for line, _ in troubled_lines(3)])
    with pytest.raises(IndexError):
        write(tmp_path / "out.vcf.gz", header, batch, forms, Variants(variants.statuses + 99, variants.values))
    assert [path.name for path in tmp_path.iterdir()] == ["in.vcf"]


@pytest.mark.parametrize(
    ("name", "is_vcf"), [("a.vcf", True), ("a.VCF.gz", True), ("a.vcf.bgz", True), ("vcf", False), ("a.vcf.tsv", False), ("-", False)]
)
def test_a_vcf_is_recognised_by_its_name(name, is_vcf):
    assert is_vcf_name(name) == is_vcf
