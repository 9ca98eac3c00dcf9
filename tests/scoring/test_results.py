import csv
import io
import json

import numpy as np
import pytest

from dreamkeras.scoring.results import open_predictions

COLUMNS = ("expression", "unusual", "expression_low")
TEXTS = {"unusual": ("", "length", "gc")}
VALUES = np.array([[1.5, 0, 1], [2.5, 2, 2], [3.5, 1, 3]], np.float32)


def written(path, format, texts=TEXTS):
    with open_predictions(str(path), COLUMNS, format, texts) as writer:
        writer.write(["a", "b"], VALUES[:2])
        writer.write(["c"], VALUES[2:])
    return path


@pytest.mark.parametrize(("format", "delimiter"), [("tsv", "\t"), ("csv", ",")])
def test_codes_are_written_as_texts_after_the_ids(tmp_path, format, delimiter):
    rows = list(csv.reader(io.StringIO(written(tmp_path / "out", format).read_text()), delimiter=delimiter))
    assert rows[0] == ["id", "unusual", "expression", "expression_low"]
    assert rows[1:] == [["a", "", "1.5", "1"], ["b", "gc", "2.5", "2"], ["c", "length", "3.5", "3"]]


def test_json_contains_texts(tmp_path):
    rows = [json.loads(line) for line in written(tmp_path / "out", "jsonl").read_text().splitlines()]
    assert rows[1] == {"id": "b", "unusual": "gc", "expression": 2.5, "expression_low": 2}


def test_parquet_contains_texts(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(written(tmp_path / "out", "parquet"))
    assert table.column("unusual").to_pylist() == ["", "gc", "length"]
    assert [str(field.type) for field in table.schema] == ["string", "string", "float", "float"]


def test_without_texts_all_columns_are_numbers(tmp_path):
    rows = written(tmp_path / "out", "tsv", {}).read_text().splitlines()
    assert rows[:2] == ["id\texpression\tunusual\texpression_low", "a\t1.5\t0\t1"]
