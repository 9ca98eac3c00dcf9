import json

import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.training.grid.plan import expand
from dreamkeras.training.grid.results import read_result, write_comparison
from dreamkeras.training.members.finished import RESULTS, is_finished

RUNS = expand({"models": ["a", "b"], "seeds": [0, 1], "options": {"epochs": 1}}).runs
MEASURED = np.random.default_rng(0).normal(size=(30, 2)).round(4)


def write_run(folder, noise, **changes):
    """Writes the files of a run with two tasks that are read by the tests."""
    folder.mkdir(parents=True)
    for name in RESULTS:
        (folder / name).touch()
    predicted = (MEASURED + noise * np.random.default_rng(1).normal(size=MEASURED.shape)).round(4)
    r = float(np.mean([np.corrcoef(x, y)[0, 1] for x, y in zip(MEASURED.T, predicted.T, strict=True)]))
    metrics = {"r": r, "seconds": 20.0, "parameters": 99, "steps": 40, **changes}
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "config.json").write_text(json.dumps({"batch_size": 64}))
    lines = ["id\tlength\tmeasured_x\tmeasured_y\tpredicted_x\tpredicted_y"]
    lines += ["\t".join(map(str, ["s", 80, *measured, *answer])) for measured, answer in zip(MEASURED, predicted, strict=True)]
    (folder / "validation.tsv").write_text("\n".join(lines) + "\n")
    return predicted


class TestReadResult:
    def test_metrics_are_read_from_the_run_folder(self, tmp_path):
        predicted = write_run(tmp_path / "run", 0.5)
        result = read_result(RUNS[0], tmp_path / "run")
        assert (result.combination, result.parameters, result.seconds, result.speed) == ("a", 99, 20.0, 40 * 64 / 20)
        np.testing.assert_array_equal(result.measured, MEASURED)
        np.testing.assert_array_equal(result.predicted, predicted)

    def test_undefined_r_is_nan(self, tmp_path):
        write_run(tmp_path / "run", 0.5, r=None)
        assert np.isnan(read_result(RUNS[0], tmp_path / "run").r)

    @pytest.mark.parametrize("name", ["metrics.json", "validation.tsv", "config.json"])
    @pytest.mark.parametrize("text", ["", "[]", '{"r": "high"}', "measured_x\tpredicted_x\nhigh\tlow\n"])
    def test_errors_name_malformed_files(self, tmp_path, name, text):
        write_run(tmp_path / "run", 0.5)
        (tmp_path / "run" / name).write_text(text)
        with pytest.raises(InputError, match=r"Cannot read the results of the run in .*run: "):
            read_result(RUNS[0], tmp_path / "run")


@pytest.mark.parametrize("missing", RESULTS)
def test_a_run_with_a_missing_file_is_not_finished(tmp_path, missing):
    assert not is_finished(tmp_path / "run")
    write_run(tmp_path / "run", 0.5)
    assert is_finished(tmp_path / "run")
    (tmp_path / "run" / missing).unlink()
    assert not is_finished(tmp_path / "run")


class TestWriteComparison:
    @pytest.fixture(autouse=True)
    def _matplotlib(self):
        pytest.importorskip("matplotlib")

    def test_finished_runs_are_compared(self, tmp_path):
        for run, noise in zip(RUNS[:3], (0.9, 0.8, 0.1), strict=True):
            write_run(tmp_path / "runs" / run.name, noise)
        rows = write_comparison(RUNS, tmp_path, {"b_seed-1": "exit status 1; no luck"})
        assert [(row.combination, len(row.each)) for row in rows] == [("b", 1), ("a", 2)]
        assert {path.name for path in tmp_path.iterdir()} == {"runs", "leaderboard.tsv", "leaderboard.md", "leaderboard.png"}
        assert "| b_seed-1 | exit status 1; no luck |" in (tmp_path / "leaderboard.md").read_text()
        assert "on 30 validation sequences" in (tmp_path / "leaderboard.md").read_text()

    def test_no_finished_run_is_an_error(self, tmp_path):
        with pytest.raises(InputError, match="at least one run"):
            write_comparison(RUNS, tmp_path, {})
