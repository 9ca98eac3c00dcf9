import json

import numpy as np
import pytest
from filled_pipe import filled_pipe
from toy_models import write_toy_model

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.data.simulation.library import simulate
from dreamkeras.evaluation.subsets import SUBSETS

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def promoters(tmp_path_factory):
    """A table of 60 promoters with values."""
    library = simulate(60, seed=3)
    path = tmp_path_factory.mktemp("data") / "test.tsv"
    path.write_text("".join(f"{sequence}\t{value:g}\n" for sequence, value in zip(library.sequences, library.values, strict=True)))
    return path


@pytest.fixture
def model(tmp_path):
    """A run folder with the packaged model, without its training data."""
    from dreamkeras.scoring.predictor import PACKAGED_MODEL

    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(PACKAGED_MODEL.read_bytes())
    return folder


def test_metrics_are_printed_and_written(run, promoters, model, tmp_path):
    result = run("evaluate", promoters, "-m", model, "-o", tmp_path / "out", "--draws", 20)
    assert (result.exit_code, result.stderr) == (0, f"Read 60 rows of test.tsv.\nWrote {tmp_path / 'out'}: see report.html.\n")
    title, row = (line.split("\t") for line in result.stdout.splitlines())
    assert (title, row[:3]) == (["model", "task", "n", "r", "rho", "mse"], ["first", "expression", "60"])
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())["figures"]["first"]["expression"]
    assert row[3] == f"{found['r']['value']:.4f} ({found['r']['low']:.4f} to {found['r']['high']:.4f})"
    assert (tmp_path / "out" / "report.html").stat().st_size > 50_000
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["models"][str(model)]


def test_predictions_from_predict_have_the_same_metrics(run, promoters, model, tmp_path):
    run("predict", promoters, "-m", model, "-o", tmp_path / "p.tsv")
    result = run("evaluate", promoters, "-m", model, "--predictions", tmp_path / "p.tsv", "-o", tmp_path / "out", "--draws", 20)
    figures, differences = (part.splitlines() for part in result.stdout.split("\n\n"))
    one, other = (line.split("\t")[3:] for line in figures[1:])
    assert one == other
    title, row = (line.split("\t") for line in differences)
    assert title == ["difference", "task", "r", "rho", "mse"]
    assert row[:2] == ["first - p", "expression"]
    numbers = [float(number) for cell in row[2:] for number in cell.replace("(", "").rstrip(")").replace(" to ", " ").split()]
    assert numbers == pytest.approx([0] * 9, abs=1e-3)


def test_overlap_with_training_sequences_is_reported(run, promoters, model, tmp_path):
    (model / "config.json").write_text(json.dumps({"assay": "yeast", "data": str(promoters), "valid": str(promoters)}))
    result = run("evaluate", promoters, "-m", model, "-o", tmp_path / "out", "--draws", 2)
    assert "Warning: first: 60 of the 60 sequences in test.tsv are copies of training sequences" in result.stderr
    assert "60 of the 60 sequences in test.tsv are copies of validation sequences" in result.stderr
    assert "60 of the 60" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("column", ["1", "3"])
def test_a_number_is_first_a_column_name(run, tmp_path, column):
    values = np.random.default_rng(0).normal(size=(50, 3))
    rows = [",".join(["ACGTACGT", *map(str, row)]) for row in values]
    (tmp_path / "t.csv").write_text("\n".join(["sequence,0,1,2", *rows]) + "\n")
    task, place = {"1": ("1", 1), "3": ("column_3", 2)}[column]
    (tmp_path / "p.csv").write_text("\n".join([f"0,sequence,{task}", *(f"0,A,{row[place]}" for row in values)]) + "\n")
    given = ("--predictions", tmp_path / "p.csv", "--assay", "table", "--target-column", column, "--length", 8)
    result = run("evaluate", tmp_path / "t.csv", *given, "-o", tmp_path / "out", "--draws", 2)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[1].split("\t")[1:4] == [task, "50", "1.0000 (1.0000 to 1.0000)"]


def test_training_data_from_a_pipe_are_not_compared(run, promoters, model, tmp_path):
    (model / "config.json").write_text(json.dumps({"assay": "yeast", "data": "/dev/stdin"}))
    result = run("evaluate", "-", "-m", model, "-o", tmp_path / "out", "--draws", 2, stdin=promoters.read_text())
    assert (result.exit_code, result.stderr.splitlines()[:2]) == (
        0,
        [
            "Read 60 rows of standard input.",
            "Warning: first: /dev/stdin can be read only once, so overlap with the training data was not checked.",
        ],
    )


def test_predictions_can_be_pipes(run, promoters, model, tmp_path):
    predictions = run("predict", promoters, "-m", model).stdout
    with filled_pipe(predictions.encode()) as pipe:
        result = run("evaluate", promoters, "-m", model, "--predictions", pipe, "-o", tmp_path / "out", "--draws", 2)
    one, other = (line.split("\t")[2:] for line in result.stdout.splitlines()[1:3])
    assert (result.exit_code, one) == (0, other)


def test_the_score_of_the_challenge_ignores_units(run, model, tmp_path):
    random = np.random.default_rng(0)
    values = random.normal(size=40)  # values of the test file are not bins
    letters = ["".join(random.choice(list("ACGT"), 80)) for _ in values]
    (tmp_path / "test.tsv").write_text("".join(f"{letters[i]}\t{values[i]}\n" for i in range(40)))
    for subset in SUBSETS.values():
        if subset.file:
            rows = ["alt_pos,ref_pos", *(f"{i},{i + 20}" for i in range(20))] if subset.paired else ["pos", *map(str, range(20))]
            (tmp_path / subset.file).write_text("\n".join(rows) + "\n")
    result = run("evaluate", tmp_path / "test.tsv", "-m", model, "-o", tmp_path / "out", "--draws", 5, "--subsets", tmp_path)
    assert result.exit_code == 0
    assert "not in the model's units" in result.stderr
    assert result.stdout.splitlines()[1].endswith("\tundefined")
    assert result.stdout.splitlines()[2].startswith("first: Pearson score ")
    assert "autosome (winner)" in (tmp_path / "out" / "report.html").read_text()


OUTSIDE = "{} of the 60 measured values in test.tsv are outside 0 to 17, the range of the bins{}"


@pytest.mark.parametrize(("outliers", "note"), [
    ({0: -3.0, 1: 17.5, 2: 400.0}, OUTSIDE.format(3, ". All metrics include the values outside the range.")),
    (dict.fromkeys(range(30), 18.0), OUTSIDE.format(30, ", so the values are not in the model's units.")),
])  # fmt: skip
def test_outliers_are_counted_and_most_values_decide_the_units(run, promoters, model, tmp_path, outliers, note):
    rows = [line.split("\t") for line in promoters.read_text().splitlines()]
    path = tmp_path / "test.tsv"
    path.write_text("".join(f"{sequence}\t{outliers.get(i, value)}\n" for i, (sequence, value) in enumerate(rows)))
    result = run("evaluate", path, "-m", model, "-o", tmp_path / "out", "--draws", 20)
    assert (result.exit_code, f"Warning: {note}" in result.stderr) == (0, True)
    predicted = run("predict", path, "-m", model).stdout.splitlines()[1:]
    answers = np.array([float(line.split("\t")[1]) for line in predicted])
    errors = (np.array([outliers.get(i, float(row[1])) for i, row in enumerate(rows)]) - answers) ** 2
    mse = result.stdout.splitlines()[1].split("\t")[5]
    assert mse == "undefined" if len(outliers) > 3 else float(mse.split()[0]) == pytest.approx(np.mean(errors), rel=1e-3)
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert any(note in one for one in found["notes"])
    assert (found["figures"]["first"]["expression"]["mse"]["value"] is None) is (len(outliers) > 3)


def test_replicates_add_a_noise_ceiling_to_all_outputs(run, tmp_path):
    random = np.random.default_rng(0)
    truth = random.normal(size=50)
    replicates = truth[:, None] + random.normal(size=(50, 2))
    letters = ["".join(random.choice(list("ACGT"), 20)) for _ in truth]
    rows = zip(letters, replicates.mean(1), *replicates.T, truth, strict=True)
    (tmp_path / "t.tsv").write_text("sequence\ty\ta\tb\tz\n" + "".join("\t".join(map(str, row)) + "\n" for row in rows))
    (tmp_path / "p.tsv").write_text("y\n" + "".join(f"{value}\n" for value in truth))
    r = np.corrcoef(replicates.T)[0, 1]
    ceiling = np.sqrt(2 * r / (1 + r))
    args = ("--assay", "table", "--target-column", "y", "--length", 20, "--draws", 5)
    result = run(
        "evaluate", tmp_path / "t.tsv", "--predictions", tmp_path / "p.tsv", "-o", tmp_path / "out", *args, "--replicate-columns", "a,b"
    )
    assert result.stdout.splitlines()[-2:] == ["noise ceiling\tr between replicates\tceiling of r", f"y\t{r:.4f}\t{ceiling:.4f}"]
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())["ceilings"]["y"]
    assert (found["replicate_r"], found["ceiling_r"]) == pytest.approx((r, ceiling), rel=1e-5)
    title, row = (tmp_path / "out" / "figures.tsv").read_text().splitlines()
    assert (title.split("\t")[-2:], float(row.split("\t")[-1])) == (["replicate_r", "ceiling_r"], pytest.approx(ceiling, rel=1e-5))
    assert f"<td>{ceiling:.4f}</td>" in (tmp_path / "out" / "report.html").read_text()


def measured_table(folder, missing):
    """A table of 30 sequences, some without a value, and predictions of all sequences by id."""
    random = np.random.default_rng(0)
    values = random.normal(size=30)
    letters = ["".join(random.choice(list("ACGT"), 20)) for _ in values]
    cells = ["NA" if row < missing else str(value) for row, value in enumerate(values)]
    text = "id\tsequence\t5\n" + "".join(f"r{row}\t{letters[row]}\t{cell}\n" for row, cell in enumerate(cells))
    rows = [f"r{row}\t{value + 1}\n" for row, value in enumerate(values)]
    (folder / "p.tsv").write_text("id\t5\n" + "".join(random.permutation(rows)))
    (folder / "without.tsv").write_text("5\n" + "".join(row.split("\t")[1] for row in rows))
    return text


def test_a_table_is_evaluated_from_a_pipe_without_a_model(run, tmp_path):
    text = measured_table(tmp_path, 0)
    with filled_pipe(text.encode()) as pipe:
        options = ("--assay", "table", "--target-column", "5", "--predictions", tmp_path / "p.tsv", "--draws", 2)
        result = run("evaluate", pipe, *options, "-o", tmp_path / "out")
    assert (result.exit_code, result.stdout.splitlines()[1].split("\t")[2:4]) == (0, ["30", "1.0000 (1.0000 to 1.0000)"])


def test_predictions_of_excluded_rows_are_ignored(run, tmp_path):
    (tmp_path / "t.tsv").write_text(measured_table(tmp_path, 4))
    options = ("--assay", "table", "--target-column", "5", "--draws", 2)
    result = run("evaluate", tmp_path / "t.tsv", *options, "--predictions", tmp_path / "p.tsv", "-o", tmp_path / "out")
    assert (result.exit_code, result.stdout.splitlines()[1].split("\t")[2:4]) == (0, ["26", "1.0000 (1.0000 to 1.0000)"])
    without = run("evaluate", tmp_path / "t.tsv", *options, "--predictions", tmp_path / "without.tsv", "-o", tmp_path / "other")
    assert without.exit_code == 1
    skipped = "(skipped rows: 4; a table with an id column may include the skipped rows), got 30"
    assert f"Expected 26 predictions, one for each measured sequence {skipped}" in without.stderr


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        ((), 2, "Name a model with -m or a table of predictions with --predictions."),
        (("-m", "nowhere"), 1, "got nowhere, which does not exist"),
        (("-m", "{model}", "--assay", "starrseq"), 1, "no column named 'sequence'"),
        (("-m", "{model}", "--assay", "table", "--target-column", "1", "--sequence-column", "0"), 1, "assay table has the tasks column_1"),
        (("-m", "{model}", "--assay", "yeast", "--target-column", "x"), 2, "--target-column requires --assay table, got --assay yeast."),
        (
            ("-m", "{model}", "--target-column", "x"),
            1,
            "--target-column requires --assay table or the run folder of a model that was trained",
        ),
        (("-m", "{model}", "-m", "{model}"), 1, "is given twice."),
        (("--predictions", "p.tsv", "--batch-size", "4"), 2, "--batch-size has no effect without a model (-m)."),
        (("--predictions", "p.tsv", "--device", "cpu"), 2, "--device has no effect without a model (-m)."),
        (("-m", "{model}", "--fold-column", "f"), 2, "No such option"),
        (("-m", "{model}", "--no-summits"), 1, "--summits and --no-summits require a model that was trained on peaks."),
        (("-m", "{model}", "--public", "."), 2, "--public requires --subsets DIR."),
        (("-m", "{model}", "--subsets", "{model}"), 1, "has none of the files with test subsets"),
        (("-m", "{model}", "-o", "{model}"), 1, "a new or empty folder"),
    ],
)
def test_wrong_options_are_one_line_and_write_nothing(run, promoters, model, tmp_path, args, code, message):
    before = sorted(tmp_path.rglob("*"))
    result = run("evaluate", promoters, "-o", tmp_path / "out", *(str(arg).format(model=model) for arg in args))
    assert result.exit_code == code
    assert message in result.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_predictions_of_values_that_were_not_measured_may_be_empty(run, tmp_path):
    rng = np.random.default_rng(0)
    rows = [[f"s{i}", "ACGTACGT", "" if i % 3 == 0 else rng.normal(), "NA" if i % 3 == 1 else rng.normal()] for i in range(30)]
    text = "".join("\t".join(map(str, row)) + "\n" for row in [["id", "sequence", "dev", "hk"], *rows])
    (tmp_path / "t.tsv").write_text(text)
    (tmp_path / "p.tsv").write_text(text)
    given = ("--predictions", tmp_path / "p.tsv", "--assay", "table", "--target-column", "dev", "--target-column", "hk", "--length", 8)
    result = run("evaluate", tmp_path / "t.tsv", *given, "-o", tmp_path / "out", "--draws", 2)
    assert result.exit_code == 0, result.stderr
    assert [line.split("\t")[1:3] for line in result.stdout.splitlines()[1:]] == [["dev", "20"], ["hk", "20"]]
    (tmp_path / "p.tsv").write_text(text.replace("s5\tACGTACGT\t", "s5\tACGTACGT\t\t", 1).replace(f"\t{rows[5][2]}\t", "\t", 1))
    refused = run("evaluate", tmp_path / "t.tsv", *given, "-o", tmp_path / "no", "--draws", 2)
    assert refused.exit_code == 1
    assert "There is no prediction of 'dev' for the measured value of 's5'" in refused.stderr
    assert not (tmp_path / "no").exists()


TABLE = "id\toligo\tactivity\n" + "".join(f"r{n}\t{'ACGT' * 2}{'G' * n}\t{n}\n" for n in range(4))


@pytest.fixture
def table_run(tmp_path):
    """A run folder with a toy model that was trained on the columns `oligo`, `gc` and the weights `w` of a table."""
    construct = TableLayout(("gc",), length=12).construct()
    (folder := tmp_path / "toy").mkdir()
    write_toy_model(folder / "model.onnx", construct, ("gc",))
    columns = {"target_column": ["gc"], "sequence_column": "oligo", "weight_column": "w", "fold_column": "f", "length": 12}
    (folder / "config.json").write_text(json.dumps({"assay": "table", "table": columns, "construct": construct.to_json()}))
    return folder


@pytest.mark.parametrize("assay", [(), ("--assay", "table")])
def test_column_options_override_the_columns_of_the_training(run, table_run, tmp_path, assay):
    (tmp_path / "t.tsv").write_text(TABLE)
    for number, column in enumerate(("activity", "2")):
        args = ("-m", table_run, "-o", tmp_path / f"out{number}", "--draws", 2, "--target-column", column)
        result = run("evaluate", tmp_path / "t.tsv", *args, *assay)
        assert result.exit_code == 0, result.stderr
        assert result.stdout.splitlines()[1].startswith("toy\tgc\t4\t1.0000 (")
        assert "not required here: 'w', 'f'." in result.stderr
    assert run("calibrate", tmp_path / "t.tsv", "-m", table_run, "--target-column", "activity", *assay).exit_code == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--target-column", "activity", "--weight-column", "w"), "has no column named 'w'"),
        (("--target-column", "activity", "--length", 9), "Expected length 12, which the model was trained with, got 9."),
        (("--sequence-column", "oligos"), "has no column named 'oligos'"),
        (
            ("--target-column", "activity", "--target-column", "gc"),
            "The assay table has the tasks activity, gc, but the model toy predicts gc.",
        ),
    ],
)
def test_columns_that_are_given_must_exist_and_fit_the_model(run, table_run, tmp_path, args, message):
    (tmp_path / "t.tsv").write_text(TABLE.replace("id", "gc", 1).replace("r", "") if "gc" in args else TABLE)
    result = run("evaluate", tmp_path / "t.tsv", "-m", table_run, "-o", tmp_path / "out", *args)
    assert (result.exit_code, message in result.stderr) == (1, True), result.stderr


def test_the_column_of_sequences_can_be_named_for_a_model_of_a_table(run, table_run, model, tmp_path):
    (tmp_path / "t.tsv").write_text("bases\tactivity\nACGT\t1\n")
    fields = json.loads((table_run / "config.json").read_text())
    fields["table"]["sequence_column"] = None
    (table_run / "config.json").write_text(json.dumps(fields))
    hint = "Name the column with --sequence-column."
    assert run("evaluate", tmp_path / "t.tsv", "-m", table_run, "-o", tmp_path / "out").stderr.endswith(f"{hint}\n")
    assert run("calibrate", tmp_path / "t.tsv", "-m", table_run).stderr.endswith(f"{hint}\n")
    assert hint not in run("evaluate", tmp_path / "t.tsv", "-m", model, "-o", tmp_path / "out").stderr


@pytest.mark.parametrize("scale", [1e-20, 1e34])
def test_errors_have_significant_digits_in_every_unit(run, tmp_path, scale):
    rows = np.random.default_rng(0).normal(size=(2, 50)) * scale
    (tmp_path / "t.tsv").write_text("sequence\ty\n" + "".join(f"ACGT\t{value}\n" for value in rows[0]))
    for name, values in zip("pq", rows, strict=True):
        (tmp_path / f"{name}.tsv").write_text("y\n" + "".join(f"{value * 1.25}\n" for value in values))
    files = ("--predictions", tmp_path / "p.tsv", "--predictions", tmp_path / "q.tsv")
    result = run("evaluate", tmp_path / "t.tsv", *files, "--assay", "table", "--target-column", "y", "-o", tmp_path / "out", "--draws", 5)
    assert result.exit_code == 0, result.stderr
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    wanted = [*((rows * 1.25 - rows[0].astype(np.float32)) ** 2).mean(1)]
    wanted.append(wanted[0] - wanted[1])
    shown = [lines[1][5], lines[2][5], lines[5][4]]
    assert [float(cell.split()[0]) for cell in shown] == pytest.approx(wanted, rel=1e-3)
    assert max(map(len, shown)) < 50
    assert all(cell in (tmp_path / "out" / "report.html").read_text() for cell in shown)


def test_invalid_rows_are_skipped_and_counted(run, promoters, model, tmp_path):
    (tmp_path / "t.tsv").write_text("# measured twice\n" + promoters.read_text() + "ACGT!\t3\nACGTACGT\tword\n")
    refused = run("evaluate", tmp_path / "t.tsv", "-m", model, "-o", tmp_path / "out", "--draws", 2)
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    result = run("evaluate", tmp_path / "t.tsv", "-m", model, "-o", tmp_path / "out", "--draws", 2, "--on-error", "skip")
    assert result.exit_code == 0, result.stderr
    assert "Read 62 rows of t.tsv; skipped 2 with an error.\n" in result.stderr
    assert "Skipped: Expected DNA letters, got '!' at position 5 in record '61' (" in result.stderr
    assert result.stdout.splitlines()[1].split("\t")[2] == "60"


def test_subsets_require_all_rows(run, promoters, model, tmp_path):
    (tmp_path / "t.tsv").write_text("ACGT!\t3\n" + promoters.read_text())
    (tmp_path / SUBSETS["random"].file).write_text("pos\n0\n1\n")
    args = ("evaluate", tmp_path / "t.tsv", "-m", model, "-o", tmp_path / "out", "--on-error", "skip", "--subsets", tmp_path)
    result = run(*args)
    assert (result.exit_code, "Skipped rows: 1. Correct the skipped rows" in result.stderr) == (1, True), result.stderr
