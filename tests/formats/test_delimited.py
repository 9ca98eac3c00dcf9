"""Cells of lines. Tests of complete tables are in test_tables.py."""

import pytest

from dreamkeras.errors import InputError
from dreamkeras.formats.delimited import clean_cell, clean_column, filled_rows


def cells(text, delimiter):
    return list(filled_rows(text.splitlines(keepends=True), delimiter, "t"))


def test_a_row_is_a_line_and_blank_lines_are_counted():
    assert cells('a\t"b\n\n \nc"\td\r\n', "\t") == [(1, ["a", '"b']), (4, ['c"', "d"])]
    assert cells('a,"b,""c"""\n\n \nc,d\r\n', ",") == [(1, ["a", 'b,"c"']), (4, ["c", "d"])]


@pytest.mark.parametrize("text", ['a,"b\nc",d\n', 'a,"b', 'a,"b\n', 'a,"b""\nc,d\n'])
def test_quoted_csv_cells_must_end_on_their_line(text):
    with pytest.raises(InputError, match=r"has no closing quotation mark on the same line \(t, line 2\)"):
        cells("x,y\n" + text, ",")


def test_rows_before_an_unterminated_cell_are_returned():
    rows = filled_rows(["x,y\n", 'a,"b\n', "c,d\n"], ",", "t")
    assert next(rows) == (1, ["x", "y"])


def test_cells_beyond_the_limit_of_the_csv_module_are_rejected_with_their_line():
    with pytest.raises(InputError, match=r"Malformed row \(t, line 2: field larger"):
        cells("x,y\n" + "A" * 200_000 + ",1\n", ",")


@pytest.mark.parametrize("row", ['"1"2,x', 'x,"ACGT"ACGT', '"5" probe",x', r'"a\"b",x'])
def test_text_after_a_quoted_csv_cell_is_rejected(row):
    with pytest.raises(InputError, match=r"Malformed row \(t, line 2: ',' expected"):
        cells(f"x,y\n{row}\n", ",")


def test_quotation_marks_in_unquoted_csv_cells_are_kept():
    assert cells('x,y\n5" probe,ACGT\n', ",")[1][1] == ['5" probe', "ACGT"]


@pytest.mark.parametrize(("cell", "wanted"), [
    ('"ACGT"', "ACGT"), (' "ACGT" ', "ACGT"), ('" ACGT "', "ACGT"), ('""', ""), ('"', '"'), ('"ACGT', '"ACGT'), ('ACGT"', 'ACGT"'),
    ('"a" "b"', '"a" "b"'), ('"a""b"', 'a"b'), ('"""a"""', '"a"'), ('"a"b"', '"a"b"'), ("'ACGT'", "'ACGT'"),
])  # fmt: skip
def test_quotation_marks_around_tsv_cells_are_removed(cell, wanted):
    assert clean_cell(cell, "\t") == wanted
    assert clean_column([cell, " x "], "\t") == [wanted, "x"]
    assert clean_cell(cell, ",") == clean_column([cell], ",")[0] == cell.strip()
