import csv
import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.sequence.sources import Source, open_source
from dreamkeras.sequence.tables import Layout, find_column, is_dna, rows_of, sniff_layout

CELLS = st.text("aB1,\t\"'\n é;", max_size=6)


def written(tmp_path, text, name="table.tsv"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def read_layout(path):
    with open_source(path) as source:
        return sniff_layout(source)


def read_table(path, columns, **options):
    """The columns of a file, as the readers of this package put the functions together."""
    with open_source(path) as source:
        layout = sniff_layout(source, **options)
        yield from rows_of(source, layout, [find_column(layout, column, path) for column in columns])


def rows(tables):
    return [row for table in tables for row in zip(*table.columns, table.lines.tolist(), strict=True)]


def refusal(tmp_path, text, columns=(0,), **options):
    with pytest.raises(InputError) as caught:
        list(read_table(written(tmp_path, text), columns, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_columns_by_name_in_the_order_asked_for(tmp_path):
    path = written(tmp_path, "id\tseq\tvalue\na\tACGT\t1\nb\tGG\t2\n")
    assert rows(read_table(path, ["value", "id"])) == [("1", "a", 2), ("2", "b", 3)]


def test_columns_by_position_without_a_header(tmp_path):
    path = written(tmp_path, "ACGTACGT\t1.5\nGGGGCCCC\t2\n")
    assert rows(read_table(path, [1, 0])) == [("1.5", "ACGTACGT", 1), ("2", "GGGGCCCC", 2)]


def test_columns_by_position_below_a_header(tmp_path):
    path = written(tmp_path, "promoter\tlevel\nACGTACGT\t1.5\n")
    assert rows(read_table(path, [0])) == [("ACGTACGT", 2)]


@pytest.mark.parametrize(("header", "wanted"), [(True, [("x", 2)]), (False, [("ACGT", 1), ("x", 2)])])
def test_header_may_be_told(tmp_path, header, wanted):
    assert rows(read_table(written(tmp_path, "ACGT\nx\n"), [0], header=header)) == wanted


@pytest.mark.parametrize(("text", "delimiter"), [("a,b\n1,2\n", ","), ("a\tb,c\n1\t2\n", "\t"), ("a\n1\n", ",")])
def test_delimiter_is_told_by_the_first_line(tmp_path, text, delimiter):
    assert read_layout(written(tmp_path, text)).delimiter == delimiter


def test_delimiter_may_be_given(tmp_path):
    assert rows(read_table(written(tmp_path, "a;b\nx;y\n"), ["b"], delimiter=";")) == [("y", 2)]


@pytest.mark.parametrize(
    ("first", "is_header"),
    [
        ("seq_id\tseq\tvalue", True),
        ("promoter\texpression", True),
        ("Sequence", True),
        ("dna\tlevel", True),
        ("sequence\t0", True),
        ("ACGTACGT\t1", False),
        ("acgtacgt\tx", False),
        ("name\tACGTN", False),
        ("name\t-0.5e3", False),
        ("name\tnan", False),
        ("RYKMACGT\tx", False),
    ],
)
def test_a_header_holds_no_number_and_no_sequence(tmp_path, first, is_header):
    layout = read_layout(written(tmp_path, first + "\n"))
    assert layout.names == (tuple(first.split("\t")) if is_header else None)
    assert layout.first == tuple(first.split("\t"))


@pytest.mark.parametrize(
    ("cell", "wanted"), [("ACGT", True), ("acgtn", True), ("tag", False), ("DNA", False), ("strand", False), ("", False), ("acgt ", False)]
)
def test_is_dna_tells_sequences_from_names(cell, wanted):
    assert is_dna(cell) == wanted


@given(
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=12),
    st.sampled_from("\t,"),
    st.integers(1, 5),
    st.sampled_from(["\n", "\r\n"]),
)
def test_rows_are_those_of_the_csv_module(cells, delimiter, batch, newline):
    assume(all(any(map(str.strip, row)) for row in cells))
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=newline).writerows([["x", "seq", "y"], *cells])
    data = out.getvalue().encode()
    source = Source(io.BufferedReader(io.BytesIO(data)), data, "t.tsv")
    layout = sniff_layout(source, delimiter=delimiter)
    tables = list(rows_of(source, layout, [2, 0], batch=batch))
    found = rows(tables)
    assert [row[:2] for row in found] == [(row[2].strip(), row[0].strip()) for row in cells]
    assert [len(table.lines) for table in tables[:-1]] == [batch] * (len(tables) - 1)
    starts, line = [], 2
    for row in cells:
        starts.append(line)
        line += 1 + "".join(row).count("\n")
    assert [row[2] for row in found] == starts


def test_long_cells_make_small_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("dreamkeras.sequence.tables.LETTERS", 100)
    path = written(tmp_path, "A" * 60 + "\n" + "C" * 60 + "\n" + "G" * 60 + "\n")
    assert [len(table.lines) for table in read_table(path, [0])] == [2, 1]


def test_blank_lines_are_left_out_and_counted(tmp_path):
    path = written(tmp_path, "\n\nseq\tx\r\n\r\nACGT\t1\r\n   \r\nGG\t2")
    assert rows(read_table(path, ["seq", "x"])) == [("ACGT", "1", 5), ("GG", "2", 7)]
    assert read_layout(path).line == 3


def test_empty_cells_at_the_end_of_a_row_are_forgiven(tmp_path):
    assert rows(read_table(written(tmp_path, "seq\tx\nACGT\t1\t\t\n"), ["x"])) == [("1", 2)]


@pytest.mark.parametrize("name", ["SEQ", "seq", "Seq"])
def test_names_are_found_in_any_case(name):
    assert find_column(Layout("\t", ("id", "Seq"), ("id", "Seq"), 1), name, "t") == 1


def test_the_exact_name_wins_over_other_cases():
    names = ("SEQ", "seq")
    assert find_column(Layout("\t", names, names, 1), "seq", "t") == 1


def test_two_columns_of_one_name_are_refused(tmp_path):
    assert "Expected one column named 'x', got 'x', 'seq', 'x'" in refusal(tmp_path, "x\tseq\tx\n1\t2\t3\n", ["x"])


def test_a_missing_column_lists_those_that_exist(tmp_path):
    message = refusal(tmp_path, "\nid\tseq\na\tACGT\n", ["value"])
    assert "Expected a column named 'value', got 'id', 'seq' (" in message
    assert message.endswith("table.tsv, line 2).")


def test_a_name_asks_for_a_header(tmp_path):
    message = refusal(tmp_path, "ACGTACGTACGTACGTACGTACGT\t1\n", ["seq"])
    assert "Expected a column named 'seq', got no header but 'ACGTACGTACGTACGTA...', '1'" in message


@pytest.mark.parametrize("position", [2, -1])
def test_a_position_out_of_range_is_refused(tmp_path, position):
    assert f"Expected a column at position {position} (from 0), got 2 columns" in refusal(tmp_path, "ACGT\t1\n", [position])


@pytest.mark.parametrize(("row", "came"), [("ACGT", 1), ("ACGT\t1\t2", 3)])
def test_a_row_of_another_width_is_refused_with_its_line(tmp_path, row, came):
    message = refusal(tmp_path, f"seq\tx\nACGT\t1\n\n{row}\n", ["seq"])
    assert message.startswith(f"Expected 2 columns, got {came} (")
    assert message.endswith("line 4).")


@pytest.mark.parametrize("text", ["seq\tx\n", "seq\tx", "seq\tx\n\n\n"])
def test_a_header_alone_is_refused(tmp_path, text):
    assert "Expected at least one row" in refusal(tmp_path, text)


def test_blank_lines_alone_are_refused(tmp_path):
    assert "Expected" in refusal(tmp_path, "\n\n \n")


def test_a_cell_that_never_ends_is_refused_with_its_line(tmp_path):
    message = refusal(tmp_path, 'seq\nACGT\n"' + "A\n" * 100_000)
    assert "Expected a table, got a row that is none" in message
    assert "line 3" in message


def test_text_that_is_not_utf_8_is_refused(tmp_path):
    assert "Expected UTF-8 text, got the byte 0xe9" in refusal(tmp_path, b"seq\nACGT\ncaf\xe9\n")


def test_real_tables_are_read(data_folder):
    yeast = rows(read_table(str(data_folder / "data/yeast_gpra/train.tsv"), [0, 1]))
    wanted = [tuple(line.split("\t")) for line in (data_folder / "data/yeast_gpra/train.tsv").read_text().splitlines()]
    assert [row[:2] for row in yeast] == wanted
    assert [row[2] for row in yeast] == list(range(1, len(wanted) + 1))
    assert read_layout(str(data_folder / "data/human_lentimpra/train.tsv")).names == ("seq_id", "seq", "mean_value", "fold")
