import csv

import numpy as np
import pytest
from weight_sum import WeightSum

from dreamkeras.explain.marginalisation_files import open_marginalisation
from dreamkeras.explain.marginalise import marginalise, random_inserts
from dreamkeras.explain.motif_sites import arrange, arrange_pair


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_table_of_one_motif_has_one_row_per_position_and_strand(tmp_path):
    found = marginalise(["TGA"], arrange([2, 5]), random_inserts(30, 12), WeightSum(tasks=2))
    with open_marginalisation(str(tmp_path / "x.tsv"), found.motifs, ("a", "b")) as writer:
        writer.write(found)
    table, summary = rows(tmp_path / "x.tsv"), found.summary(found.effects)
    assert [(row["id"], row["position"], row["strand"]) for row in table] == [("TGA", p, s) for p in "36" for s in "+-"]
    for index, row in enumerate(table):
        came = [float(row[f"b_{kind}"]) for kind in ("effect", "effect_low", "effect_high")]
        np.testing.assert_allclose(came, [part[index, 1] for part in summary], rtol=1e-5)


def test_table_of_two_motifs_has_one_row_per_arrangement(tmp_path):
    motifs = ["TGA", "CC"]
    found = marginalise(motifs, arrange_pair(motifs, [1], [0, 4]), random_inserts(30, 12), WeightSum())
    with open_marginalisation(str(tmp_path / "x.tsv"), motifs, ("a",)) as writer:
        writer.write(found)
    table = rows(tmp_path / "x.tsv")
    assert [(row["position"], row["spacing"], row["strands"]) for row in table] == [
        ("2", spacing, strands) for spacing in "04" for strands in ("++", "+-", "-+", "--")
    ]
    assert {row["id"] for row in table} == {"TGA CC"}
    alone = [[float(row["a_first"]), float(row["a_second"])] for row in table]
    np.testing.assert_allclose(alone, found.alone.mean(axis=2)[:, :, 0], rtol=1e-4)
    assert max(abs(float(row[f"a_interaction{part}"])) for row in table for part in ("", "_low", "_high")) < 1e-5
    for row in table:
        assert float(row["a_effect"]) == pytest.approx(float(row["a_first"]) + float(row["a_second"]), abs=1e-5)
