import csv

import numpy as np
import pytest
from random_attributions import attribution

from dreamkeras.errors import InputError
from dreamkeras.explain.attribution_files import CompletenessTable, completeness_columns, open_attributions
from dreamkeras.formats.writers import open_writer


def written(path, *parts, format=None):
    with open_attributions(str(path), ("a", "b"), format) as sink:
        for part in parts:
            sink.write(part)
    return path


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_table_has_one_row_per_letter(tmp_path):
    found = attribution("ACG", "tN")
    table = rows(written(tmp_path / "x.tsv", found))
    assert [(row["id"], row["position"], row["letter"]) for row in table] == [
        ("s0", "1", "A"),
        ("s0", "2", "C"),
        ("s0", "3", "G"),
        ("s1", "1", "t"),
        ("s1", "2", "N"),
    ]
    values = [[float(row["a_contribution"]), float(row["b_contribution"])] for row in table]
    np.testing.assert_allclose(values, found.importance(), rtol=1e-5)


@pytest.mark.parametrize(("name", "format"), [("x.npz", None), ("x", "npz")])
def test_arrays_contain_hypothetical_contributions(tmp_path, name, format):
    first, second = attribution("ACG", "TN"), attribution("GG", seed=1)
    arrays = np.load(written(tmp_path / name, first, second, format=format))
    assert arrays["ids"].tolist() == ["s0", "s1", "s0"]
    assert arrays["offsets"].tolist() == [0, 3, 5, 7]
    assert arrays["letters"].tobytes() == b"ACGTNGG"
    assert (arrays["tasks"].tolist(), arrays["bases"].tolist()) == (["a", "b"], ["A", "C", "G", "T"])
    for field in ("scores", "reference", "baseline"):
        np.testing.assert_array_equal(arrays[field], np.concatenate([getattr(first, field), getattr(second, field)]))
    np.testing.assert_array_equal(arrays["contributions"][5:], second.importance())
    np.testing.assert_allclose(arrays["completeness_error"][2:], second.completeness_error())


def test_completeness_table_has_one_row_per_sequence(tmp_path):
    found, path = attribution("ACG", "TN"), tmp_path / "sums.tsv"
    with open_writer(str(path), completeness_columns(("a", "b"))) as writer:
        CompletenessTable(writer).write(found)
    for index, row in enumerate(rows(path)):
        assert row["id"] == found.ids[index]
        for task, name in enumerate("ab"):
            wanted = [found.reference[index, task], found.baseline[index, task], found.completeness_error()[index, task]]
            came = [float(row[f"{name}_{kind}"]) for kind in ("prediction", "baseline", "error")]
            np.testing.assert_allclose(came, wanted, rtol=1e-5, atol=1e-9)


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(InputError, match="got 'xlsx' from the name"):
        written(tmp_path / "x.xlsx")
    assert not list(tmp_path.iterdir())
