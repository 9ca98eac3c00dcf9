import importlib.metadata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.formats.vcf_info import InfoField, add_info, annotated_header

FIELDS = [InfoField("X_a", "Float", "An effect"), InfoField("X_b", "String", 'Called "b" in C:\\')]
HEADER = [b"##fileformat=VCFv4.2", b'##INFO=<ID=X_ab,Number=1,Type=Float,Description="Another">', b"#CHROM\tPOS"]


def test_header_lines_are_inserted_above_the_column_names():
    added = [
        b'##INFO=<ID=X_a,Number=A,Type=Float,Description="An effect">',
        b'##INFO=<ID=X_b,Number=A,Type=String,Description="Called \\"b\\" in C:\\\\">',
    ]
    version = importlib.metadata.version("dreamkeras")
    added.append(f'##dreamkeras_variants=<Version="{version}",Model="my \\"cnn\\"">'.encode())
    assert annotated_header(HEADER, FIELDS, 'my "cnn"') == [*HEADER[:2], *added, HEADER[2]]
    assert annotated_header(HEADER[:2], FIELDS, 'my "cnn"') == [*HEADER[:2], *added]


def test_an_existing_field_is_rejected():
    with pytest.raises(InputError, match=r"^The VCF already has an INFO field X_a\. Choose another prefix\.$"):
        annotated_header(annotated_header(HEADER, FIELDS, "cnn"), FIELDS, "cnn")


@pytest.mark.parametrize(
    ("info", "wanted"), [(".", "X=1"), ("", "X=1"), ("DP=3", "DP=3;X=1"), ("DP=3;", "DP=3;X=1"), ("H2", "H2;X=1"), ("A=.", "A=.;X=1")]
)
@pytest.mark.parametrize("samples", ["", "\tGT\t0/1\t\t"])
@pytest.mark.parametrize("end", ["", "\r"])
def test_only_info_is_changed(info, wanted, samples, end):
    before = "chr1\t5\trs1;rs2\ta\tC,<DEL>\t1e2\tq10;s50\t"
    assert add_info(f"{before}{info}{samples}{end}".encode(), b"X=1") == f"{before}{wanted}{samples}{end}".encode()


@given(st.binary(max_size=40).filter(lambda text: text.count(b"\t") < 7))
def test_lines_without_info_are_unchanged(text):
    assert add_info(text, b"X=1") == text


def test_header_lines_among_records_are_unchanged():
    line = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    assert add_info(line, b"X=1") == line
