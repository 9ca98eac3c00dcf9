import csv
from types import SimpleNamespace

import numpy as np
import pytest
from weight_sum import WeightSum

from dreamkeras.explain.ablation import Ablator
from dreamkeras.explain.ablation_files import LABELS, AblationTable
from dreamkeras.explain.effect_files import effect_columns
from dreamkeras.explain.spans import slide
from dreamkeras.formats.writers import ID, open_writer
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records


@pytest.mark.parametrize("shuffles", [1, 4])
def test_table_has_one_row_per_span(tmp_path, shuffles):
    ablator, tasks = Ablator(WeightSum(tasks=2), shuffles=shuffles), ("a", "b")
    records = Records(["x", "y"], Ragged.from_strings(["ACGTACGGTCAA", "GATTACA"]), np.array([1, 2]), "made.fa")
    found = ablator.ablate(records, lambda ids, inserts: slide(inserts, 6, 6))
    with open_writer(str(tmp_path / "x.tsv"), effect_columns(tasks, has_sd=ablator.has_sd), None, {**ID, **LABELS}) as writer:
        AblationTable(writer).write(found)
    with (tmp_path / "x.tsv").open() as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    assert [(row["id"], row["start"], row["end"]) for row in table] == [("x", "0", "6"), ("x", "6", "12"), ("y", "0", "6"), ("y", "1", "7")]
    np.testing.assert_allclose([float(row["b_effect"]) for row in table], found.effects[:, 1], rtol=1e-5)
    assert ("a_effect_sd" in table[0]) == (shuffles > 1)
    if found.sd is not None:
        np.testing.assert_allclose([float(row["a_effect_sd"]) for row in table], found.sd[:, 0], rtol=1e-5, atol=1e-9)


def test_many_spans_are_written_in_parts(monkeypatch):
    calls = []
    found = Ablator(WeightSum(), shuffles=2).ablate(
        Records(["x", "y"], Ragged.from_strings(["ACGTACGGTCAA", "GATTACA"]), np.array([1, 2]), "made.fa"),
        lambda ids, inserts: slide(inserts, 6, 3),
    )
    for rows in (2, 100):
        monkeypatch.setattr("dreamkeras.explain.ablation_files.ROWS", rows)
        AblationTable(SimpleNamespace(write=lambda *columns: calls.append(columns))).write(found)
    *pieces, (names, values, (starts, ends)) = calls
    assert [len(piece[0]) for piece in pieces] == [2, 2, 1]
    assert [name for piece in pieces for name in piece[0]] == names == ["x", "x", "x", "y", "y"]
    np.testing.assert_array_equal(np.concatenate([piece[1] for piece in pieces]), values)
    assert [[place for piece in pieces for place in piece[2][side]] for side in (0, 1)] == [starts, ends]
