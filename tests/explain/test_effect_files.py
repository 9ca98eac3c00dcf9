import csv
import io
import json

import numpy as np
import pytest
from weight_sum import PLAIN, WeightSum

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.explain.effect_files import effect_columns, open_arrays, open_effects, write_effects
from dreamkeras.explain.mutagenesis import Mutagenesis, mutagenesis, mutate_records
from dreamkeras.explain.names import EFFECT_FORMATS
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

SEQUENCES = {"first": "ACgTAC", 'a "quoted"\tid': "GGN", "third": "TTTT"}
TASKS = ("dev", "hk")


def records():
    return Records(list(SEQUENCES), Ragged.from_strings(SEQUENCES.values()), np.arange(len(SEQUENCES)) + 1, "made.fa")


def write(path, predictor=None, *, format=None, has_sd=False, deletions=False, rows=2):
    predictor = predictor or WeightSum(tasks=2)
    with open_effects(str(path), TASKS, format, has_sd=has_sd) as sink:
        scored = write_effects(mutate_records(records().batches(rows=rows), predictor, deletions=deletions), [sink])
    assert (scored.written, scored.skipped.count) == (len(SEQUENCES), 0)
    return path


def rows_by_hand(weights, *, deletions):
    """Computes (id, position, ref, alt, effects) of each change directly from the weights of a predictor."""

    def score(text):
        return sum((weights[place]["ACGT".index(letter)] for place, letter in enumerate(text.upper()) if letter != "N"), np.zeros(2))

    for name, text in SEQUENCES.items():
        for place, letter in enumerate(text):
            for alt in [base for base in "ACGT" if base != letter.upper()] + ["-"] * deletions:
                mutant = text[:place] + alt.replace("-", "") + text[place + 1 :]
                yield name, place + 1, letter, alt, *(score(mutant) - score(text))


def read(path, format):
    if format == "parquet":
        rows = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
    elif format == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = list(csv.DictReader(io.StringIO(path.read_text(), newline=""), delimiter="\t" if format == "tsv" else ","))
    assert list(rows[0]) == ["id", "position", "ref", "alt", "dev_effect", "hk_effect"]
    return [(row["id"], int(row["position"]), row["ref"], row["alt"], float(row["dev_effect"]), float(row["hk_effect"])) for row in rows]


@pytest.mark.parametrize("deletions", [False, True])
@pytest.mark.parametrize("format", ["tsv", "csv", "jsonl", "parquet"])
def test_long_table_has_one_row_per_change(tmp_path, format, deletions, monkeypatch):
    monkeypatch.setattr("dreamkeras.explain.effect_files.ROWS", 7)
    found = read(write(tmp_path / f"o.{format}", deletions=deletions), format)
    wanted = list(rows_by_hand(WeightSum(tasks=2).weights, deletions=deletions))
    assert [row[:4] for row in found] == [row[:4] for row in wanted]
    np.testing.assert_allclose([row[4:] for row in found], [row[4:] for row in wanted], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("deletions", [False, True])
def test_array_file_is_read_by_numpy(tmp_path, deletions):
    with np.load(write(tmp_path / "o.npz", deletions=deletions, rows=1), allow_pickle=False) as arrays:
        wanted = mutagenesis(records(), WeightSum(tasks=2), deletions=deletions)
        assert sorted(arrays) == ["changes", "effects", "ids", "letters", "offsets", "positions", "reference", "tasks"]
        assert (arrays["ids"].tolist(), arrays["tasks"].tolist()) == (list(SEQUENCES), list(TASKS))
        assert arrays["changes"].tolist() == list("ACGT-" if deletions else "ACGT")
        assert b"".join(arrays["letters"]).decode() == "".join(SEQUENCES.values())
        for name, array in (("offsets", wanted.inserts.offsets), ("reference", wanted.reference), ("effects", wanted.effects)):
            np.testing.assert_array_equal(arrays[name], array)
        first, last = arrays["offsets"][1:3]
        assert b"".join(arrays["letters"][first:last]) == b"GGN"


@pytest.mark.parametrize("format", EFFECT_FORMATS)
def test_standard_deviations_of_an_ensemble_are_written(tmp_path, format):
    pytest.importorskip("pyarrow" if format == "parquet" else "numpy")
    ensemble = Ensemble([WeightSum(PLAIN, 2, seed) for seed in (1, 2, 3)])
    wanted = mutagenesis(records(), ensemble)
    path = write(tmp_path / f"o.{format}", ensemble, has_sd=True)
    if format == "npz":
        np.testing.assert_array_equal(np.load(path)["effects_sd"], wanted.sd)
    elif format == "tsv":
        rows = list(csv.DictReader(io.StringIO(path.read_text(), newline=""), delimiter="\t"))
        assert list(rows[0])[4:] == ["dev_effect", "hk_effect", "dev_effect_sd", "hk_effect_sd"]
        np.testing.assert_allclose([float(rows[0][f"{task}_effect_sd"]) for task in TASKS], wanted.sd[0, 1], rtol=1e-5)


def test_columns_are_effects_followed_by_standard_deviations():
    assert effect_columns(TASKS, has_sd=False) == ("dev_effect", "hk_effect")
    assert effect_columns(("y",), has_sd=True) == ("y_effect", "y_effect_sd")


@pytest.mark.parametrize("format", ["tsv", "npz"])
def test_an_error_leaves_an_existing_file_unchanged(tmp_path, format):
    path = tmp_path / f"o.{format}"
    path.write_text("before")
    unfit = Records(["x"], Ragged.from_strings(["A"]), np.array([9]), "made.fa")
    with pytest.raises(InputError, match="record 'x'"), open_effects(str(path), TASKS) as sink:
        write_effects(mutate_records([records(), unfit], WeightSum(tasks=2)), [sink])
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(path.name, "before")]


def test_arrays_in_a_missing_folder_are_refused(tmp_path):
    with (
        pytest.raises(DreamkerasError, match=r"Cannot write .*: the folder .* does not exist"),
        open_arrays(str(tmp_path / "none" / "o.npz"), TASKS),
    ):
        pytest.fail("opened")


def test_memory_of_an_array_file_does_not_grow_with_its_effects(tmp_path):
    import tracemalloc

    letters = 1 << 16
    part = Mutagenesis(
        ["x"], Ragged(np.full(letters, 65, np.uint8), np.array([0, letters])), np.zeros((1, 2)), np.zeros((letters, 4, 2), "f4")
    )
    with open_arrays(str(tmp_path / "o.npz"), TASKS) as sink:
        sink.write(part)
        tracemalloc.start()
        for _ in range(20):
            sink.write(part)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < part.effects.nbytes * 3 < (tmp_path / "o.npz").stat().st_size / 5


def test_it_is_an_error_if_no_record_fits(tmp_path):
    unfit = Records(["x", "y"], Ragged.from_strings(["A", "!"]), np.array([1, 2]), "made.fa")
    with pytest.raises(InputError, match=r"^None of the 2 sequences fits the model\. The first one: Expected 2 to 12 bases"):
        write_effects(mutate_records([unfit], WeightSum(), on_error="skip"), [])


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(InputError, match="got 'xml' from the name"), open_effects(str(tmp_path / "o.xml"), TASKS):
        pytest.fail("opened")
