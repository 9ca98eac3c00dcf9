import csv
import io
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.files.decompression import Source, open_source
from dreamkeras.formats.headers import Layout, sniff_layout
from dreamkeras.formats.tables import find_column, named_or_placed, rows_of

CELLS = st.text("aB1,\t\"' é;", max_size=6)
THREE_COLUMNS = st.lists(st.lists(CELLS, min_size=3, max_size=3).filter(lambda row: any(map(str.strip, row))), min_size=1, max_size=12)
NEWLINES = st.sampled_from(["\n", "\r\n"])


def written(tmp_path, text, name="table.tsv"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def read_layout(path):
    with open_source(path) as source:
        return sniff_layout(source)


def read_table(path, columns, **options):
    """Reads columns of a file with the functions that the readers use."""
    with open_source(path) as source:
        layout = sniff_layout(source, **options)
        yield from rows_of(source, layout, [find_column(layout, column, path) for column in columns])


def rows(tables):
    return [row for table in tables for row in zip(*table.columns, table.lines.tolist(), strict=True)]


def refusal(tmp_path, text, columns=(0,), name="table.tsv", **options):
    with pytest.raises(InputError) as caught:
        list(read_table(written(tmp_path, text, name), columns, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_columns_by_name_are_in_the_requested_order(tmp_path):
    path = written(tmp_path, "id\tseq\tvalue\na\tACGT\t1\nb\tGG\t2\n")
    assert rows(read_table(path, ["value", "id"])) == [("1", "a", 2), ("2", "b", 3)]


def test_columns_by_position_without_a_header(tmp_path):
    path = written(tmp_path, "ACGTACGT\t1.5\nGGGGCCCC\t2\n")
    assert rows(read_table(path, [1, 0])) == [("1.5", "ACGTACGT", 1), ("2", "GGGGCCCC", 2)]


def test_columns_by_position_below_a_header(tmp_path):
    path = written(tmp_path, "promoter\tlevel\nACGTACGT\t1.5\n")
    assert rows(read_table(path, [0])) == [("ACGTACGT", 2)]


@pytest.mark.parametrize(("header", "wanted"), [(True, [("x", 2)]), (False, [("ACGT", 1), ("x", 2)])])
def test_the_presence_of_a_header_can_be_given(tmp_path, header, wanted):
    assert rows(read_table(written(tmp_path, "ACGT\nx\n"), [0], header=header)) == wanted


def test_the_delimiter_can_be_given(tmp_path):
    assert rows(read_table(written(tmp_path, "a;b\nx;y\n"), ["b"], delimiter=";")) == [("y", 2)]


def read_rows(data, delimiter, batch):
    """Returns the cells of the last and first of three columns, and the line of each row."""
    source = Source(io.BufferedReader(io.BytesIO(data)), data, "t.tsv")
    tables = list(rows_of(source, sniff_layout(source, delimiter=delimiter), [2, 0], batch=batch))
    assert [len(table.lines) for table in tables[:-1]] == [batch] * (len(tables) - 1)
    return rows(tables)


def expected_rows(cells):
    return [(last.strip(), first.strip(), line) for line, (first, _, last) in enumerate(cells, 2)]


@given(THREE_COLUMNS, st.sampled_from("\t,"), st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.integers(1, 5), NEWLINES)
def test_output_of_the_csv_module_is_read(cells, delimiter, quoting, batch, newline):
    assume(delimiter == "," or "\t" not in "".join(map("".join, cells)))
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=newline).writerows([["x", "seq", "y"], *cells])
    assert read_rows(out.getvalue().encode(), delimiter, batch) == expected_rows(cells)


@given(THREE_COLUMNS, st.integers(1, 5), NEWLINES)
def test_quotation_marks_in_tsv_are_removed_only_around_cells(cells, batch, newline):
    cells = [[cell.replace("\t", "") for cell in row] for row in cells]
    assume(not any(re.fullmatch(r'".*"', cell.strip()) for row in cells for cell in row))
    text = "".join("\t".join(row) + newline for row in [["x", "seq", "y"], *cells])
    assert read_rows(text.encode(), "\t", batch) == expected_rows(cells)


def test_batches_of_long_cells_are_small(tmp_path, monkeypatch):
    monkeypatch.setattr("dreamkeras.formats.tables.BATCH_LETTERS", 100)
    path = written(tmp_path, "A" * 60 + "\n" + "C" * 60 + "\n" + "G" * 60 + "\n")
    assert [len(table.lines) for table in read_table(path, [0])] == [2, 1]


def test_blank_lines_are_skipped_but_counted(tmp_path):
    path = written(tmp_path, "\n\nseq\tx\r\n\r\nACGT\t1\r\n   \r\nGG\t2")
    assert rows(read_table(path, ["seq", "x"])) == [("ACGT", "1", 5), ("GG", "2", 7)]
    assert read_layout(path).line == 3


def test_additional_empty_cells_are_ignored(tmp_path):
    assert rows(read_table(written(tmp_path, "seq\tx\nACGT\t1\t\t\n"), ["x"])) == [("1", 2)]


@pytest.mark.parametrize("name", ["SEQ", "seq", "Seq"])
def test_names_are_found_in_any_case(name):
    assert find_column(Layout("\t", ("id", "Seq"), ("id", "Seq"), 1), name, "t") == 1


def test_an_exact_name_has_priority_over_other_cases():
    names = ("SEQ", "seq")
    assert find_column(Layout("\t", names, names, 1), "seq", "t") == 1


def test_ambiguous_names_are_rejected(tmp_path):
    assert "table.tsv has several columns named 'x'. Columns in line 1: 'x', 'seq', 'x'." in refusal(
        tmp_path, "x\tseq\tx\n1\t2\t3\n", ["x"]
    )


def test_a_missing_column_is_reported_with_the_columns(tmp_path):
    message = refusal(tmp_path, "\nid\tseq\na\tACGT\n", ["value"])
    assert message.endswith("table.tsv has no column named 'value'. Columns in line 2: 'id', 'seq'.")


@pytest.mark.parametrize("name", ["id", "r1"])
def test_long_lists_of_columns_are_truncated(tmp_path, name):
    columns = "\t".join([name, *(f"r{i}" for i in range(2, 31))])
    assert refusal(tmp_path, f"{columns}\n", ["value"]).endswith("'r19', 'r20' and 10 more.")


def test_a_header_may_be_longer_than_the_first_bytes(tmp_path):
    names = [f"measurement_{number}" for number in range(9000)]
    path = written(tmp_path, "\t".join(["id", *names]) + "\n" + "\t".join(["a", *map(str, range(9000))]) + "\n")
    assert rows(read_table(path, ["id", "measurement_8999"])) == [("a", "8999", 2)]


def test_a_name_requires_a_header(tmp_path):
    message = refusal(tmp_path, "ACGTACGTACGTACGTACGTACGT\t1\n", ["seq"])
    assert "has no column named 'seq', because it has no header. Cells in line 1: 'ACGTACGTACGTACGTA...', '1'." in message


@pytest.mark.parametrize("position", [2, -1])
def test_positions_out_of_range_are_rejected(tmp_path, position):
    assert f"has no column at position {position}: the table has 2 columns in line 1" in refusal(tmp_path, "ACGT\t1\n", [position])


@pytest.mark.parametrize(("row", "came"), [("ACGT", 1), ("ACGT\t1\t2", 3)])
def test_rows_with_a_wrong_number_of_cells_are_rejected_with_their_line(tmp_path, row, came):
    message = refusal(tmp_path, f"seq\tx\nACGT\t1\n\n{row}\n", ["seq"])
    assert message.startswith(f"Expected 2 columns, got {came} (")
    assert message.endswith("line 4).")


@pytest.mark.parametrize("text", ["seq\tx\n", "seq\tx", "seq\tx\n\n\n"])
def test_a_table_with_only_a_header_is_rejected(tmp_path, text):
    assert "Expected at least one row" in refusal(tmp_path, text)


def test_a_file_of_blank_lines_is_rejected(tmp_path):
    assert refusal(tmp_path, "\n\n \n").endswith("table.tsv: it has no columns.")


@pytest.mark.parametrize(
    "text",
    [
        'seq,x\nACGT,1\n"GG\nTT",2\nAC,3\n',
        'seq,x\nACGT,1\nGG,"2\n\n\nAC,3\nAC,"4"\n',
        'seq,x\r\nACGT,1\r\nGG,"2\r\nAC,3\r\n',
        'seq,x\nACGT,1\nGG,"2',
        'seq,x\nACGT,1\n"' + "A\n" * 100_000,
        'seq,x\nACGT,1\n"""\n',
    ],
)
def test_an_unterminated_quoted_cell_is_rejected_with_its_first_line(tmp_path, text):
    message = refusal(tmp_path, text, name="t.csv")
    assert message.startswith("A quoted cell has no closing quotation mark on the same line (")
    assert message.endswith("t.csv, line 3).")


@pytest.mark.parametrize("text", ['"seq,x\nACGT,1\n', '\n"se\nq",x\nACGT,1\n'])
def test_a_header_must_be_on_one_line(tmp_path, text):
    assert "A quoted cell has no closing quotation mark on the same line" in refusal(tmp_path, text)


def test_a_row_of_tsv_never_spans_lines(tmp_path):
    assert refusal(tmp_path, 'seq\tx\nAC\t1\nGG\t"two\nlines"\n').endswith("table.tsv, line 4).")
    assert "Expected 2 columns, got 1" in refusal(tmp_path, 'seq\tx\nAC\t1\n"GG\nTT"\t2\n')


def test_rows_after_a_stray_quotation_mark_are_read(tmp_path):
    lines = [f"s{row}\t{chr(34) * (row in (100, 500))}core promoter\tACGT\t{row}" for row in range(600)]
    path = written(tmp_path, "\n".join(["id\tnote\tsequence\tvalue", *lines]) + "\n")
    found = rows(read_table(path, ["id", "value"]))
    assert found == [(f"s{row}", str(row), row + 2) for row in range(600)]


def test_a_long_cell_is_read(tmp_path):
    assert rows(read_table(written(tmp_path, "seq\tx\n" + "A" * 200_000 + "\t1\n"), ["x"])) == [("1", 2)]


@pytest.mark.parametrize("header", ["#id\tseq", "# id\tseq", "##id\tseq", '"#id"\t"seq"', "#ID\tSeq", "\n#id\tseq"])
@pytest.mark.parametrize("column", ["id", "ID", 0])
def test_a_header_may_be_a_comment(tmp_path, header, column):
    path = written(tmp_path, f"{header}\na\tACGT\n")
    assert read_layout(path).names[0].lower() == "id"
    assert [row[:1] for row in rows(read_table(path, [column]))] == [("a",)]


def test_a_name_may_be_given_with_its_hash(tmp_path):
    path = written(tmp_path, "#id\tseq\na\tACGT\n")
    assert rows(read_table(path, ["#id"])) == rows(read_table(path, ["#ID"])) == [("a", 2)]
    assert "has no column named '#seq'" in refusal(tmp_path, "#id\tseq\na\tACGT\n", ["#seq"])


NUMBERED = Layout(",", ("sequence", "2", "0"), ("sequence", "2", "0"), 1)


@pytest.mark.parametrize(
    ("text", "column"),
    [("2", "2"), ("0", "0"), ("1", 1), ("9", 9), ("01", "01"), ("+1", "+1"), ("-1", "-1"),
     ("1_0", "1_0"), ("\u0661", "\u0661"), ("seq", "seq"),
     (1, 1), (0, 0), (None, None), ("9" * 5000, "9" * 5000)],
)  # fmt: skip
def test_text_of_digits_is_a_name_if_possible_otherwise_a_position(text, column):
    assert named_or_placed(NUMBERED, text) == column


def test_digits_are_a_position_without_a_header():
    assert named_or_placed(Layout(",", None, ("1", "ACGT"), 1), "1") == 1


def test_text_that_is_not_utf_8_is_rejected(tmp_path):
    assert "Expected UTF-8 text, got the byte 0xe9" in refusal(tmp_path, b"seq\nACGT\ncaf\xe9\n")


def test_real_tables_are_read(data_folder):
    yeast = rows(read_table(str(data_folder / "data/yeast_gpra/train.tsv"), [0, 1]))
    wanted = [tuple(line.split("\t")) for line in (data_folder / "data/yeast_gpra/train.tsv").read_text().splitlines()]
    assert [row[:2] for row in yeast] == wanted
    assert [row[2] for row in yeast] == list(range(1, len(wanted) + 1))
    assert read_layout(str(data_folder / "data/human_lentimpra/train.tsv")).names == ("seq_id", "seq", "mean_value", "fold")
