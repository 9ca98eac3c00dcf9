import csv
import gzip
import io
import json
import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dreamkeras.errors import DreamkerasError, InputError, MissingPackageError
from dreamkeras.formats import writers
from dreamkeras.formats.writers import FORMATS, ID, open_writer

IDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
VALUES = arrays(np.float32, st.tuples(st.integers(0, 5), st.just(2)), elements=st.floats(width=32, allow_subnormal=False))
TASKS = ("a task", "100%")


def write(path, ids, values, format, tasks=TASKS, size=None):
    with open_writer(str(path), tasks, format) as writer:
        for i in range(0, len(ids), size or max(1, len(ids))):
            writer.write(ids[i : i + size] if size else ids, values[i : i + size] if size else values)
    return path


def read(path, format):
    """Returns header, ids and values, as independent readers read them."""
    if format == "parquet":
        table = pytest.importorskip("pyarrow.parquet").read_table(path)
        columns = [column.to_pylist() for column in table.columns]
        return table.column_names, columns[0], np.array(columns[1:], np.float32).T
    if format == "jsonl":
        rows = [json.loads(line, parse_constant=pytest.fail) for line in path.read_bytes().decode().split("\n")[:-1]]
        values = [[math.nan if value is None else value for value in list(row.values())[1:]] for row in rows]
        return list(rows[0]) if rows else None, [row["id"] for row in rows], np.array(values, np.float64)
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline=""), delimiter="\t" if format == "tsv" else ","))
    return rows[0], [row[0] for row in rows[1:]], np.array([row[1:] for row in rows[1:]], np.float64)


@pytest.mark.parametrize("format", FORMATS)
@given(data=st.data(), values=VALUES)
def test_rows_are_read_by_independent_readers(tmp_path_factory, format, data, values):
    ids = data.draw(st.lists(IDS, min_size=len(values), max_size=len(values)))
    path = write(tmp_path_factory.mktemp("w") / "out", ids, values, format, size=data.draw(st.integers(1, 3)))
    header, found, numbers = read(path, format)
    assert header == ["id", *TASKS] or not ids
    assert found == ids
    wanted = np.where(np.isfinite(values), values, np.nan) if format == "jsonl" else values
    tolerance = 0 if format == "parquet" else 6e-6
    np.testing.assert_allclose(numbers.reshape(-1, 2), wanted.reshape(-1, 2), rtol=tolerance)


LABEL_CELLS = st.tuples(IDS, st.integers(-(2**40), 2**40))


@pytest.mark.parametrize("format", FORMATS)
@given(data=st.data(), cells=st.lists(LABEL_CELLS, min_size=1, max_size=5))
def test_labels_are_between_ids_and_values(tmp_path_factory, format, data, cells):
    ids = data.draw(st.lists(IDS, min_size=len(cells), max_size=len(cells)))
    values = np.arange(2 * len(cells), dtype=np.float32).reshape(-1, 2)
    path = tmp_path_factory.mktemp("w") / "out"
    with open_writer(str(path), TASKS, format, {**ID, "a\t%label": str, "place": int}) as writer:
        writer.write(ids, values, list(zip(*cells, strict=True)))
    if format == "parquet":
        table = pytest.importorskip("pyarrow.parquet").read_table(path)
        header, rows = table.column_names, [tuple(row.values()) for row in table.to_pylist()]
    elif format == "jsonl":
        found = [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]
        header, rows = list(found[0]), [tuple(row.values()) for row in found]
    else:
        delimiter = "\t" if format == "tsv" else ","
        header, *rows = csv.reader(io.StringIO(path.read_bytes().decode(), newline=""), delimiter=delimiter)
        rows = [(name, text, int(place), float(first), float(second)) for name, text, place, first, second in rows]
    assert list(header) == ["id", "a\t%label", "place", *TASKS]
    assert rows == [(name, *cell, *row) for name, cell, row in zip(ids, cells, values.tolist(), strict=True)]


@pytest.mark.parametrize("format", FORMATS)
def test_output_does_not_depend_on_the_batch_size(tmp_path, format):
    ids, values = [f"r{i}" for i in range(50)], np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    files = [write(tmp_path / f"{size}", ids, values, format, size=size).read_bytes() for size in (1, 7, 50)]
    assert files[0] == files[1] == files[2]


def test_text_has_six_significant_digits(tmp_path):
    values = np.array([[1 / 3], [12.0], [99.99], [1e-20], [-0.5], [np.nan]], np.float32)
    path = write(tmp_path / "x.tsv", list("abcdef"), values, None, ("y",))
    assert path.read_text() == "id\ty\na\t0.333333\nb\t12\nc\t99.99\nd\t1e-20\ne\t-0.5\nf\tnan\n"


def test_large_numbers_keep_four_decimals_or_all_digits_of_float32(tmp_path):
    values = np.array([[123.456789], [-4567.5], [1e6 + 0.0625], [1e9], [np.inf], [3e38], [1 / 3], [0], [np.nan]], np.float32)
    rows = write(tmp_path / "x.tsv", list("abcdefghi"), values, None, ("y",)).read_text().splitlines()[1:]
    texts = [row.split("\t")[1] for row in rows]
    assert texts == ["123.4568", "-4567.5", "1000000.06", "1e+09", "inf", "3.00000001e+38", "0.333333", "0", "nan"]


def test_json_lines_have_the_expected_form(tmp_path):
    path = write(tmp_path / "x.jsonl", ['q"é', "b"], np.array([[1.5, np.inf], [2, 3]], np.float32), None)
    assert path.read_text() == '{"id": "q\\"é", "a task": 1.5, "100%": null}\n{"id": "b", "a task": 2, "100%": 3}\n'


@pytest.mark.parametrize(
    ("name", "format", "first"),
    [
        ("x.tsv", None, b"id\ty"),
        ("x.CSV", None, b"id,y"),
        ("x.jsonl", None, b'{"id"'),
        ("x.parquet", None, b"PAR1"),
        ("x.txt", None, b"id\ty"),
        ("x.tsv", "csv", b"id,y"),
    ],
)
def test_the_format_is_given_or_taken_from_the_suffix(tmp_path, name, format, first):
    assert write(tmp_path / name, ["a"], np.ones((1, 1), np.float32), format, ("y",)).read_bytes().startswith(first)


def test_an_unknown_format_is_reported_with_the_known_ones(tmp_path):
    with (
        pytest.raises(InputError, match="Expected one of the formats tsv, csv, jsonl, parquet, got 'xml'"),
        open_writer(str(tmp_path / "x"), ("y",), "xml"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.gz", "x.tsv.gz", "x.TXT.bgz", "x.csv.gz", "x.jsonl.GZ"])
def test_gzip_contains_the_bytes_of_the_plain_file(tmp_path, name):
    plain = name.rpartition(".")[0]
    for path in (name, plain):
        write(tmp_path / path, ["a"] * 70_000, np.arange(140_000, dtype=np.float32).reshape(-1, 2), None)
    assert gzip.decompress((tmp_path / name).read_bytes()) == (tmp_path / plain).read_bytes()


@pytest.mark.parametrize(("name", "format"), [("x.parquet.gz", None), ("x.gz", "parquet")])
def test_parquet_is_not_compressed_with_gzip(tmp_path, name, format):
    with pytest.raises(InputError, match=r"^Cannot compress Parquet: .*x.*\.gz\. Use a name without \.gz\.$"):
        write(tmp_path / name, ["a"], np.zeros((1, 2), np.float32), format)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["x.json.gz", "x.json", "x.xlsx", "x.tsv.bz2"])
def test_unknown_suffixes_are_rejected(tmp_path, name):
    with (
        pytest.raises(InputError, match=f"Expected one of the formats .*, got '.*' from the name .*{name}"),
        open_writer(str(tmp_path / name), ("y",)),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("format", "wanted"), [("tsv", b"id\ty\n"), ("csv", b"id,y\n"), ("jsonl", b"")])
def test_a_file_without_rows_has_a_header(tmp_path, format, wanted):
    with open_writer(str(tmp_path / "x"), ("y",), format):
        pass
    assert (tmp_path / "x").read_bytes() == wanted


def test_a_parquet_file_without_rows_has_a_schema(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    with open_writer(str(tmp_path / "x"), ("y",), "parquet"):
        pass
    assert [(field.name, str(field.type)) for field in parquet.read_schema(tmp_path / "x")] == [("id", "string"), ("y", "float")]


def test_parquet_is_written_in_row_groups(tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(writers, "ROW_GROUP", 10)
    write(tmp_path / "x", [str(i) for i in range(25)], np.ones((25, 2), np.float32), "parquet", size=4)
    metadata = parquet.read_metadata(tmp_path / "x")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [12, 12, 1]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("shape", [(2,), (2, 1), (3, 2)])
def test_values_of_a_wrong_shape_are_a_value_error(tmp_path, format, shape):
    with pytest.raises(ValueError, match="Expected values of shape"), open_writer(str(tmp_path / "x"), TASKS, format) as writer:
        writer.write(["a", "b"], np.zeros(shape, np.float32))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError])
def test_an_error_between_batches_leaves_no_file(tmp_path, format, error):
    def fail():
        with open_writer(str(tmp_path / "x"), TASKS, format) as writer:
            writer.write(["a"], np.zeros((1, 2), np.float32))
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_standard_output_receives_the_bytes_of_the_file(tmp_path, capfdbinary, format):
    ids, values = ["a", "é"], np.ones((2, 2), np.float32)
    wanted = write(tmp_path / "x", ids, values, format).read_bytes()
    write("-", ids, values, format)
    assert capfdbinary.readouterr().out == wanted
    assert not sys.stdout.closed


@pytest.mark.parametrize("format", FORMATS)
def test_an_error_before_the_first_batch_leaves_standard_output_empty(capfdbinary, format):
    with pytest.raises(InputError), open_writer("-", TASKS, format):
        raise InputError("bad")
    assert capfdbinary.readouterr().out == b""


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("rows", [1, 100_000])
def test_a_full_disk_is_a_one_line_error(format, rows):
    try:
        open("/dev/full", "wb").close()
    except OSError:
        pytest.skip("no /dev/full to stand for a full disk")
    with pytest.raises(DreamkerasError, match="Cannot write /dev/full: No space left on device"):
        write("/dev/full", ["a"] * rows, np.zeros((rows, 2), np.float32), format)


def test_parquet_without_pyarrow_gives_the_pip_command_and_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match="pip install"), open_writer(str(tmp_path / "x"), TASKS, "parquet"):
        pass
    assert list(tmp_path.iterdir()) == []


KEYS = {"chrom": str, "pos": int, '100% "status"': str}
CELLS = [["chr1", 'q"\té', "2"], [7, None, 10**12], ["ok", "", "a,b"]]
NUMBERS = np.array([[1.5], [np.nan], [-2]], np.float32)


@pytest.mark.parametrize("format", FORMATS)
def test_several_keys_of_text_and_numbers_are_written(tmp_path, format):
    path = tmp_path / "out"
    with open_writer(str(path), ["y"], format, KEYS) as writer:
        writer.write_rows([column[:1] for column in CELLS], NUMBERS[:1])
        writer.write_rows([column[1:] for column in CELLS], NUMBERS[1:])
    if format in ("tsv", "csv"):
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline=""), delimiter="\t" if format == "tsv" else ","))
        assert rows == [[*KEYS, "y"], ["chr1", "7", "ok", "1.5"], ['q"\té', "", "", "nan"], ["2", "1000000000000", "a,b", "-2"]]
        return
    if format == "jsonl":
        rows = [json.loads(line, parse_constant=pytest.fail) for line in path.read_text().splitlines()]
    else:
        rows = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    assert [list(row) for row in rows] == [[*KEYS, "y"]] * 3
    assert [list(row.values())[:3] for row in rows] == [list(row) for row in zip(*CELLS, strict=True)]


def test_columns_of_keys_must_have_the_length_of_values(tmp_path):
    with pytest.raises(ValueError, match=r"Expected values of shape \(1, 1\)"), open_writer(str(tmp_path / "o.tsv"), ["y"]) as writer:
        writer.write_rows([["a"]], NUMBERS)
