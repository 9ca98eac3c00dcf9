import csv
import io
import json

import numpy as np
import pytest

from dreamkeras.sequence.ragged import Ragged
from dreamkeras.serving.protocol.answers import JSON, TSV, TYPES, AnswerWriter, choose_type

HEADING = {"model": "toy", "version": "3", "columns": ("gc", "a"), "units": ("letters", "letters")}
IDS = ["one", 'two\t"2"', "drei ü"]
VALUES = np.array([[1, 2.5], [np.nan, 4], [5, 1e-9]], np.float32)


def written(media_type, cuts=(3,)):
    answer, first, pieces = AnswerWriter(media_type, HEADING), 0, []
    for last in cuts:
        pieces.append(answer.rows(IDS[first:last], VALUES[first:last]))
        first = last
    return b"".join([*pieces, answer.end()]).decode()


@pytest.mark.parametrize("cuts", [(3,), (1, 3), (1, 2, 3)])
def test_json_is_one_object_for_any_number_of_batches(cuts):
    found = json.loads(written(JSON, cuts))
    rows = [{"id": IDS[0], "gc": 1, "a": 2.5}, {"id": IDS[1], "gc": None, "a": 4}, {"id": IDS[2], "gc": 5, "a": 1e-9}]
    assert found == {"model": "toy", "version": "3", "columns": ["gc", "a"], "units": ["letters", "letters"], "predictions": rows}


@pytest.mark.parametrize(("media_type", "delimiter"), [(TSV, "\t"), ("text/csv", ",")])
@pytest.mark.parametrize("cuts", [(3,), (2, 3)])
def test_tables_have_one_header(media_type, delimiter, cuts):
    rows = list(csv.reader(io.StringIO(written(media_type, cuts)), delimiter=delimiter))
    assert rows == [["id", "gc", "a"], [IDS[0], "1", "2.5"], [IDS[1], "nan", "4"], [IDS[2], "5", "1e-09"]]


def test_json_lines_have_one_object_per_row():
    assert [json.loads(line)["id"] for line in written("application/x-ndjson", (1, 3)).splitlines()] == IDS


def test_json_contains_sequences_on_request():
    sequences = Ragged.from_strings(["ACGT", "acgn", ""])
    found = json.loads(AnswerWriter(JSON, HEADING).rows(IDS, VALUES, sequences) + b"]}")
    assert [row["sequence"] for row in found["predictions"]] == ["ACGT", "acgn", ""]


@pytest.mark.parametrize("name", TYPES)
def test_supported_types_are_matched_case_insensitively(name):
    assert choose_type(f"text/html, {name.upper()};q=0.2, */*", "other") == name


@pytest.mark.parametrize("accept", ["", "*/*", "text/html", "application/*", ",;,"])
def test_default_type_is_used_without_a_supported_type(accept):
    assert choose_type(accept, TSV) == TSV
