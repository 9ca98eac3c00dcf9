import json
import signal

import pytest
from filled_pipe import filled_pipe

pytest.importorskip("keras")
pytest.importorskip("matplotlib")

from dreamkeras.models import names
from dreamkeras.training.backend import find_backend
from dreamkeras.training.grid import runs as grid_runs
from dreamkeras.training.members.finished import RESULTS

GRID = 'models = ["a", "b"]\nseeds = [0, 1]\nparallel = 3\n[options]\nepochs = 2\n'


@pytest.fixture
def files(tmp_path):
    (tmp_path / "data.tsv").write_text("A" * 110 + "\t5\n")
    (tmp_path / "grid.toml").write_text(GRID)
    return tmp_path / "data.tsv", tmp_path / "grid.toml", tmp_path / "out"


@pytest.fixture
def asked(monkeypatch):
    """Arguments of `run_grid`, which is replaced by a function that finishes all runs immediately, except those in `asked["fail"]`."""
    asked = {"fail": set()}
    monkeypatch.setattr(names, "MODELS", ("a", "b"))

    def run_grid(runs, folder, parallel, report):
        asked.update(runs=runs, parallel=parallel)
        report("2 of 4 runs are done already")
        for place, run in enumerate(runs):
            if run.name not in asked["fail"]:
                write_run(folder / "runs" / run.name, place)
        return dict.fromkeys(asked["fail"], "exit status 1; Error: no luck")

    monkeypatch.setattr(grid_runs, "run_grid", run_grid)
    return asked


def write_run(folder, place):
    folder.mkdir(parents=True)
    for name in RESULTS:
        (folder / name).touch()
    (folder / "metrics.json").write_text(json.dumps({"r": 0.5 + place / 10, "seconds": 1, "parameters": 9, "steps": 1}))
    (folder / "config.json").write_text('{"batch_size": 8}')
    rows = [f"s{i}\t80\t{i}\t{i + (place + 1) * (-1) ** i}" for i in range(20)]
    (folder / "validation.tsv").write_text("\n".join(["id\tlength\tmeasured_x\tpredicted_x", *rows]) + "\n")


def test_leaderboard_is_written_and_the_best_is_printed(run, files, asked):
    data, grid, out = files
    backend = find_backend()
    result = run("benchmark", data, "--grid", grid, "-o", out, "--backend", backend)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.splitlines() == [
        "2 of 4 runs are done already",
        f"{out / 'leaderboard.md'}: the best combination is b (validation r 0.750)",
    ]
    assert sorted(path.name for path in out.iterdir()) == ["leaderboard.md", "leaderboard.png", "leaderboard.tsv", "runs"]
    assert {(run.config.data, run.config.assay, run.config.backend) for run in asked["runs"]} == {(str(data), "yeast", backend)}


@pytest.mark.parametrize(("options", "parallel"), [((), 3), (("--parallel", 5), 5)])
def test_parallel_is_from_the_option_or_the_grid(run, files, asked, options, parallel):
    data, grid, out = files
    run("benchmark", data, "--grid", grid, "-o", out, *options)
    assert asked["parallel"] == parallel


def test_failed_runs_are_reported_without_an_error(run, files, asked):
    data, grid, out = files
    asked["fail"] = {"a_seed-0", "b_seed-1"}
    result = run("benchmark", data, "--grid", grid, "-o", out)
    assert result.exit_code == 0
    assert result.stderr.endswith(f"; 2 of 4 runs failed, see {out / 'logs'}\n")
    assert "| a_seed-0 | exit status 1; Error: no luck |" in (out / "leaderboard.md").read_text()


def test_failure_of_all_runs_is_an_error(run, files, asked):
    data, grid, out = files
    asked["fail"] = {f"{model}_seed-{seed}" for model in "ab" for seed in (0, 1)}
    result = run("benchmark", data, "--grid", grid, "-o", out)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"Error: None of the 4 runs succeeded. See {out / 'logs'}."
    assert not (out / "leaderboard.md").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_prints_how_to_resume(run, files, asked, monkeypatch, number):
    data, grid, out = files
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(grid_runs, "run_grid", lambda *args: signal.raise_signal(number))
    result = run("benchmark", data, "--grid", grid, "-o", out)
    assert (result.exit_code, result.stderr.splitlines()[0]) == (128 + number, "Repeat the command to resume.")
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("grid", "part"), [("models = 3", "list of names"), ("models =", "grid.toml"), (None, "Error: File not found: ")])
def test_invalid_grid_is_one_line(run, files, asked, grid, part):
    data, path, out = files
    path.unlink() if grid is None else path.write_text(grid)
    result = run("benchmark", data, "--grid", path, "-o", out)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert part in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("name", ["data", "valid"])
def test_a_pipe_is_refused_before_a_folder_is_created(run, files, asked, name):
    data, grid, out = files
    grid.write_text(GRID + 'valid = "/dev/fd/63"\n' * (name == "valid"))
    result = run("benchmark", "-" if name == "data" else data, "--grid", grid, "-o", out)
    assert (
        result.exit_code,
        result.stderr.count("\n"),
        "which can be read only once: every run of the grid reads this file." in result.stderr,
    ) == (1, 1, True)
    assert not out.exists()


def test_the_grid_can_be_a_pipe(run, files, asked):
    data, _, out = files
    with filled_pipe(GRID.encode()) as pipe:
        assert run("benchmark", data, "--grid", pipe, "-o", out).exit_code == 0
    assert len(asked["runs"]) == 4


def test_missing_data_is_one_line(run, files, asked):
    _, grid, out = files
    result = run("benchmark", "nowhere.tsv", "--grid", grid, "-o", out)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "nowhere.tsv" in result.stderr


@pytest.mark.parametrize("args", [[], ["data.tsv"], ["data.tsv", "-o", "x", "--parallel", "0"]])
def test_wrong_usage_exits_2(run, args):
    assert run("benchmark", *args).exit_code == 2
