import csv
import json

import pytest


@pytest.fixture
def starts(tmp_path):
    path = tmp_path / "seqs.fa"
    path.write_text(">a\nATATATATAT\n>b\nTTTTTTTT\n")
    return path


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_designs_are_printed_and_written(run, toy_model, starts, tmp_path):
    out = tmp_path / "out"
    result = run(
        "design", "--target", "max", "-m", toy_model, "--task", "gc", "--start", starts, "--method", "greedy", "--max-edits", 2, "-o", out
    )
    assert (result.exit_code, result.stderr) == (0, f"Wrote {out}: see designs.tsv.\n")
    title, *rows = (line.split("\t") for line in result.stdout.splitlines())
    assert title == ["id", "start_prediction", "prediction", "edits"]
    assert rows == [["a_design_1", "0", "2", "2"], ["b_design_1", "0", "2", "2"]]
    assert sorted(path.name for path in out.iterdir()) == ["designs.fa", "designs.tsv", "manifest.json", "steps.tsv"]
    assert [row["prediction"] for row in rows_of(out / "designs.tsv")] == ["2", "2"]
    assert list(json.loads((out / "manifest.json").read_text())["inputs"]) == [str(starts)]


def test_predict_and_design_predict_the_same(run, tmp_path):
    run("design", "--target", "max", "--random", 3, "--method", "evolution", "--population", 5, "--steps", 2, "-o", tmp_path / "out")
    predicted = run("predict", tmp_path / "out" / "designs.fa", "-o", tmp_path / "p.tsv")
    assert predicted.exit_code == 0
    said, again = rows_of(tmp_path / "out" / "designs.tsv"), rows_of(tmp_path / "p.tsv")
    assert [row["id"] for row in said] == [row["id"] for row in again]
    assert [float(row["prediction"]) for row in said] == pytest.approx([float(row["expression"]) for row in again], abs=1e-4)


def test_constraints_are_options(run, toy_model, starts, tmp_path):
    text = "--gc 0 50 --forbid GC --forbid BamHI --homopolymer 8 --fixed 1-3 --require WWW --method beam"
    args = ("-m", toy_model, "--task", "gc", "--start", starts, "-o", tmp_path / "out", *text.split())
    assert run("design", "--target", "max", *args).exit_code == 0
    rows = rows_of(tmp_path / "out" / "designs.tsv")
    assert [row["sequence"][:3] for row in rows] == ["ATA", "TTT"]
    assert [row["prediction"] for row in rows] == ["5", "4"]
    assert not any("GC" in row["sequence"] for row in rows)


def test_the_goal_can_be_a_value_of_a_difference_of_tasks(run, toy_model, starts, tmp_path):
    args = ("-m", toy_model, "--task", "gc", "--minus", "a", "--start", starts, "--method", "greedy", "-o", tmp_path / "out")
    run("design", "--target", "-1", *args)
    assert [row["prediction"] for row in rows_of(tmp_path / "out" / "designs.tsv")] == ["-1", "-1"]


def test_missing_designs_are_reported(run, toy_model, starts, tmp_path):
    args = (
        "--number",
        5,
        "--diversity",
        8,
        "--method",
        "greedy",
        "--start",
        starts,
        "-m",
        toy_model,
        "--task",
        "gc",
        "-o",
        tmp_path / "out",
    )
    result = run("design", "--target", "max", *args)
    assert "of 10 designs that differ enough from each other." in result.stderr
    assert len(rows_of(tmp_path / "out" / "designs.tsv")) < 10


def test_a_start_does_not_replace_a_missing_design(run, toy_model, tmp_path):
    (tmp_path / "one.fa").write_text(">a\nATATAT\n")
    wanted = ["--target", "max", "-m", toy_model, "--task", "gc", "--start", tmp_path / "one.fa", "--fixed", "2-6", "--number", 4]
    result = run("design", *wanted, "-o", tmp_path / "out")
    assert [line.split("\t")[3] for line in result.stdout.splitlines()[1:]] == ["1", "1", "1"]
    assert result.stderr.startswith("Warning: Found only 3 of 4 designs that differ enough from each other.\n")


def test_with_adapters_writes_adapters(run, tmp_path):
    args = ("--method", "greedy", "--steps", 1, "--with-adapters", "-o", tmp_path / "out")
    assert "No -m given: used the packaged model" in run("design", "--target", "max", *args).stderr
    (row,) = rows_of(tmp_path / "out" / "designs.tsv")
    assert row["sequence"].startswith("TGCATTTTTTTCACATC")
    assert row["sequence"].endswith("GGTTACGGCTGTT")
    assert len(row["sequence"]) == 17 + 80 + 13


def test_gradients_of_the_keras_model_propose_edits(run, starts, tmp_path):
    for package in ("keras", "tensorflow"):
        pytest.importorskip(package)
    from saved_models import save_small_network

    from dreamkeras.scoring.predictor import PACKAGED_MODEL

    folder = tmp_path / "run"
    folder.mkdir()
    save_small_network(folder / "model.keras")
    (folder / "model.onnx").write_bytes(PACKAGED_MODEL.read_bytes())  # another network, whose predictions decide
    result = run("design", "--target", "max", "-m", folder, "--start", starts, "--method", "gradient", "--steps", 3, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    rows = rows_of(tmp_path / "out" / "designs.tsv")
    assert all(float(row["prediction"]) > float(row["start_prediction"]) for row in rows)
    assert {row["tried"] for row in rows_of(tmp_path / "out" / "steps.tsv") if row["step"] == "1"} <= {"18", "19", "20"}


def test_method_gradient_requires_a_run_folder(run, tmp_path):
    result = run("design", "--target", "max", "--method", "gradient", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "--method gradient uses Keras models, so -m must be a run folder, got none." in result.stderr


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("--target", "high"), 2, "Expected max, min or a number, got 'high'."),
        (
            ("--target", "max", "--start", "{starts}", "--random", 2),
            2,
            "--start cannot be combined with --random or --length.",
        ),
        (("--target", "max", "--start", "{starts}", "--length", 2), 2, "--start cannot be combined with --random or --length."),
        (("--target", "max"), 1, "Give the task to design for: gc, a."),
        (("--target", "max", "--task", "gc", "--method", "gradient"), 2, "--method gradient uses Keras models, so -m must be a run folder"),
        (("--target", "max", "--task", "gc", "--backend", "jax"), 2, "--backend has no effect without --method gradient."),
        (("--target", "max", "--width", 8), 2, "--width has no effect without --method beam."),
        (("--target", "max", "--method", "beam", "--population", 8), 2, "--population has no effect without --method evolution."),
        (("--target", "max", "--id-column", "name"), 2, "--id-column has no effect without --start."),
        (("--target", "max", "--sequence-column", 0), 2, "--sequence-column has no effect without --start."),
        (("--target", "max", "--task", "gc", "--penalty", 1), 1, "A penalty requires an ensemble"),
        (("--target", "max", "--task", "gc", "--forbid", "EcoRQ"), 2, "Did you mean EcoR"),
        (("--target", "max", "--task", "gc", "--start", "{starts}", "--gc", 50, 60), 1, "'a' and 1 more: GC content of 50 to 60 %"),
        (("--target", "max", "--task", "gc", "--start", "nowhere.fa"), 1, "nowhere.fa"),
        (("--target", "max", "--task", "gc", "--constraints", "nowhere.toml"), 1, "File not found: nowhere.toml"),
    ],
)
def test_wrong_options_are_one_line_and_write_nothing(run, toy_model, starts, tmp_path, args, code, message):
    before = sorted(tmp_path.rglob("*"))
    result = run("design", "-m", toy_model, "-o", tmp_path / "out", *(str(arg).format(starts=starts) for arg in args))
    assert result.exit_code == code
    assert message in result.stderr
    assert sorted(tmp_path.rglob("*")) == before
