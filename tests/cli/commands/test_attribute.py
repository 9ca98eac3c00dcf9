import csv
import json
import re

import numpy as np
import pytest
from filled_pipe import filled_pipe
from linear_network import with_random_weights
from tiny_network import tiny

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.export.keras_settings import keras_backend

SEQUENCES = {"x": "ACGTTGACTCAGGATCCATTGACACGTGACCATTGACGTTAACC", "y": "ttgacgtcaaccgtTTACG"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    with_random_weights(tiny(find_assay("yeast")), sd=0.4).save(path)
    return path


def test_a_pipe_is_read_completely(run, model, tmp_path):
    """The only sequence begins after the bytes that are read to recognise the format."""
    content = f">x {'long' * 20_000}\n{SEQUENCES['x']}\n".encode()
    args = ["-m", model, "--backend", keras_backend(), "--steps", 1, "-o", tmp_path / "out.tsv"]
    with filled_pipe(content) as pipe:
        result = run("attribute", pipe, *args)
    assert (result.exit_code, "Read 1 record.\n" in result.stderr) == (0, True), result.stderr
    assert len(rows(tmp_path / "out.tsv")) == len(SEQUENCES["x"])


@pytest.fixture
def promoters(tmp_path):
    path = tmp_path / "made.fa"
    path.write_text("".join(f">{name}\n{text}\n" for name, text in SEQUENCES.items()))
    return path


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_each_base_has_a_contribution_and_each_sequence_an_error(run, model, promoters, tmp_path):
    output, sums = tmp_path / "out.tsv", tmp_path / "sums.tsv"
    choices = ["-m", model, "--backend", keras_backend(), "--steps", 2, "-o", output, "--completeness", sums]
    result = run("attribute", promoters, *choices, "--seqlets", tmp_path / "seqlets.tsv")
    assert result.exit_code == 0, result.stderr
    table = rows(output)
    assert [(row["id"], row["letter"]) for row in table] == [(name, letter) for name, text in SEQUENCES.items() for letter in text]
    assert [int(row["position"]) for row in table] == [*range(1, 45), *range(1, 20)]
    totals = {name: sum(float(row["expression_contribution"]) for row in table if row["id"] == name) for name in SEQUENCES}
    errors = [float(row["expression_error"]) for row in rows(sums)]
    for row, error in zip(rows(sums), errors, strict=True):
        difference = float(row["expression_prediction"]) - float(row["expression_baseline"])
        assert totals[row["id"]] - difference == pytest.approx(error, abs=1e-3)
    assert f"with errors of at most {max(map(abs, errors)):.3g}." in result.stderr
    assert (tmp_path / "seqlets.tsv").read_text().startswith("id\tstart\tend\t")
    assert list(json.loads((tmp_path / "out.tsv.manifest.json").read_text())["models"]) == [str(model)]


def test_the_networks_of_an_ensemble_are_averaged(run, model, promoters, tmp_path):
    other = with_random_weights(tiny(find_assay("yeast")), sd=0.2)
    for name in ("seed-0", "seed-1"):
        (tmp_path / "four" / name).mkdir(parents=True)
    (tmp_path / "four" / "config.json").write_text('{"ensemble": 2, "seed": 0}')
    (tmp_path / "four" / "seed-0" / "model.keras").write_bytes(model.read_bytes())
    other.save(tmp_path / "four" / "seed-1" / "model.keras")
    tables = []
    for path in (tmp_path / "four", tmp_path / "four" / "seed-0", tmp_path / "four" / "seed-1"):
        result = run("attribute", promoters, "-m", path, "--method", "gradient", "-o", tmp_path / "out.tsv")
        assert result.exit_code == 0, result.stderr
        tables.append([float(row["expression_contribution"]) for row in rows(tmp_path / "out.tsv")])
    mean, first, second = map(np.array, tables)
    np.testing.assert_allclose(mean, (first + second) / 2, rtol=1e-4, atol=1e-5)
    assert np.abs(first - second).max() > 1e-3


def test_arrays_equal_those_of_the_library(run, model, promoters, tmp_path):
    from dreamkeras.export.tracing import load_network
    from dreamkeras.formats.reading import read_records
    from dreamkeras.models.gradients import Attributor

    result = run("attribute", promoters, "-m", model, "--method", "gradient", "--batch-size", 2, "-o", tmp_path / "out.npz")
    assert result.exit_code == 0, result.stderr
    (records,) = read_records(str(promoters))
    found = Attributor(load_network(model), "gradient", batch_size=2).attribute(records)
    with np.load(tmp_path / "out.npz") as file:
        arrays = dict(file)
    np.testing.assert_array_equal(arrays["scores"], found.scores)
    assert arrays["letters"].tobytes().decode() == "".join(SEQUENCES.values())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["nowhere.fa", "-m", "MODEL"], "nowhere.fa"),
        (["-m", "nowhere"], "Expected a run folder or a .keras file"),
        (["-m", "MODEL", "--method", "gradient", "--steps", "3"], "The method gradient does not use steps, but steps is 3"),
        (["-m", "MODEL", "-o", "INPUT"], "Output would overwrite the input"),
    ],
)
def test_errors_are_one_line(run, model, promoters, args, message):
    names = {"MODEL": model, "INPUT": promoters}
    result = run("attribute", promoters, *(names.get(arg, arg) for arg in args))
    assert (result.exit_code, message in result.stderr, len(result.stderr.splitlines())) == (1, True, 1), result.stderr


@pytest.mark.parametrize("args", ["-o c.tsv --completeness ./c.tsv", "--completeness -", "-o c.tsv --completeness s --seqlets s"])
def test_two_outputs_cannot_be_the_same_file(run, model, promoters, tmp_path, monkeypatch, args):
    monkeypatch.chdir(tmp_path)
    result = run("attribute", promoters, "-m", model, *args.split())
    same = r"Error: (Two results would be written to |Only one result can be written to standard output, but 2 results would be\.)"
    assert (result.exit_code, bool(re.search(same, result.stderr))) == (2, True)
    assert list(tmp_path.iterdir()) == [promoters]


@pytest.mark.parametrize("args", [[], ["--method", "gradient"], ["--method", "deeplift", "--baseline", "zeros"]])
@pytest.mark.parametrize("option", ["--references", "--seed"])
def test_shuffle_options_without_shuffled_baselines_are_refused(run, promoters, args, option):
    result = run("attribute", promoters, "-m", "nowhere", *args, option, 3)
    assert (result.exit_code, f"{option} has no effect without --baseline shuffled." in result.stderr) == (2, True)


@pytest.mark.parametrize("args", [["--baseline", "shuffled"], ["--method", "deeplift"]])
def test_shuffle_options_are_accepted_with_shuffled_baselines(run, promoters, args):
    result = run("attribute", promoters, "-m", "nowhere", *args, "--references", 3, "--seed", 1)
    assert (result.exit_code, "Expected a run folder" in result.stderr) == (1, True)


def test_a_model_is_required(run, promoters):
    assert run("attribute", promoters).exit_code == 2


def test_regions_and_a_span_give_the_contributions_of_their_sequences(run, model, promoters, tmp_path):
    """The genome contains the sequences, the second one on the reverse strand. The span selects rows and keeps the completeness errors."""
    turned = SEQUENCES["y"].upper()[::-1].translate(str.maketrans("ACGT", "TGCA"))
    (tmp_path / "genome.fa").write_text(f">chr1\nGG{SEQUENCES['x']}AA{turned}\n")
    (tmp_path / "regions.bed").write_text("chr1\t2\t46\t.\t.\t+\nchr1\t48\t67\t.\t.\t-\n")
    choices = ["-m", model, "--backend", keras_backend(), "--steps", 2]
    args = [tmp_path / "regions.bed", "--genome", tmp_path / "genome.fa", "--span", "3:12"]
    assert run("attribute", promoters, *choices, "-o", tmp_path / "a.tsv", "--completeness", tmp_path / "a_sums.tsv").exit_code == 0
    result = run("attribute", *args, *choices, "-o", tmp_path / "b.tsv", "--completeness", tmp_path / "b_sums.tsv")
    assert result.exit_code == 0, result.stderr
    whole = [row for row in rows(tmp_path / "a.tsv") if 3 <= int(row["position"]) <= 12]
    part = rows(tmp_path / "b.tsv")
    assert list(dict.fromkeys(row["id"] for row in part)) == ["chr1:2-46", "chr1:48-67(-)"]
    for column in ("position", "letter"):
        assert [row[column] for row in part] == [row[column].upper() for row in whole]
    both = [[float(row["expression_contribution"]) for row in table] for table in (part, whole)]
    np.testing.assert_allclose(*both, atol=1e-6)
    sums = [[float(row["expression_error"]) for row in rows(tmp_path / name)] for name in ("a_sums.tsv", "b_sums.tsv")]
    np.testing.assert_allclose(*sums, atol=1e-5)
    manifest = json.loads((tmp_path / "b.tsv.manifest.json").read_text())
    assert set(manifest["inputs"]) == {str(tmp_path / "regions.bed"), str(tmp_path / "genome.fa")}
