import csv
import math

import numpy as np
import pytest

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.statistics.bootstrap import paired_differences
from dreamkeras.training.grid.leaderboard import COLUMNS, Result, rank, write_leaderboard
from dreamkeras.training.grid.leaderboard_plot import plot_leaderboard

MEASURED = np.random.default_rng(0).normal(size=(80, 1))


def result(combination, noise, seed=0, **changes):
    """Returns the result of a run with the given noise of predictions."""
    predicted = MEASURED + noise * np.random.default_rng(seed).normal(size=MEASURED.shape)
    r = float(np.corrcoef(MEASURED[:, 0], predicted[:, 0])[0, 1])
    return Result(combination, r, 1000, 120.0, 50.0, MEASURED, predicted)._replace(**changes)


@pytest.fixture
def results():
    """Returns results of three combinations, of which the second is the best and two have two seeds."""
    return [
        result("bad", 2.0, 1, seconds=60, speed=10),
        result("bad", 2.0, 2, seconds=180, speed=30),
        result("good", 0.3, 3),
        result("good", 0.3, 4),
        result("fair", 0.8, 5),
    ]


class TestRank:
    def test_the_best_combination_is_first(self, results):
        assert [row.combination for row in rank(results, 10)] == ["good", "fair", "bad"]

    def test_metrics_are_means_over_the_runs(self, results):
        bad = rank(results, 10)[-1]
        r = [results[0].r, results[1].r]
        assert bad.each == tuple(r)
        assert (bad.r, bad.sd) == (pytest.approx(np.mean(r)), pytest.approx(np.std(r, ddof=1)))
        assert (bad.minutes, bad.speed, bad.parameters) == (2.0, 20.0, 1000)

    def test_a_single_run_has_no_deviation(self, results):
        assert math.isnan(rank(results, 10)[1].sd)

    def test_other_combinations_are_compared_with_the_best(self, results):
        good, fair, bad = rank(results, 200, 7)
        assert good.behind is None
        wanted = paired_differences(MEASURED, [run.predicted for run in results], [0, 0, 1, 1, 2], 1, 200, 7)
        assert (bad.behind, fair.behind) == (wanted[0], wanted[2])
        assert bad.behind.low < bad.behind.value < bad.behind.high
        assert bad.behind.value == pytest.approx(good.r - bad.r)

    def test_combinations_with_undefined_r_are_last(self, results):
        constant = result("constant", 1)._replace(r=float("nan"), predicted=np.ones_like(MEASURED))
        *_, last = rank([constant, *results], 10)
        assert last.combination == "constant"
        assert math.isnan(last.behind.value)

    def test_without_any_r_the_lowest_error_is_first(self):
        runs = [
            result(name, 1, r=float("nan"), error=error)._replace(measured=np.ones((80, 1)))
            for name, error in (("a", 2.0), ("b", 0.5), ("c", float("nan")))
        ]
        rows = rank(runs, 10)
        assert [row.combination for row in rows] == ["b", "a", "c"]
        assert math.isnan(rows[0].r)

    def test_a_task_whose_predictions_are_constant_does_not_raise_the_mean_of_the_others(self):
        measured = np.concatenate([MEASURED, np.random.default_rng(9).normal(size=(80, 1))], axis=1)
        noise = np.random.default_rng(8).normal(size=measured.shape)
        whole = Result("whole", 0.7, 1, 1.0, 1.0, measured, measured + noise)
        collapsed = Result("collapsed", 0.9, 1, 1.0, 1.0, measured, measured + 0.3 * noise * [1, 0] - measured * [0, 1])
        rows = rank([collapsed, whole], 10)
        assert [row.combination for row in rows] == ["whole", "collapsed"]
        assert rows[1].r == pytest.approx(np.corrcoef(measured[:, 0], collapsed.predicted[:, 0])[0, 1] / 2)

    def test_a_seed_without_an_r_does_not_raise_the_mean_of_the_others(self, results):
        constant = result("good", 0.3)._replace(r=float("nan"), predicted=np.ones_like(MEASURED))
        good = next(row for row in rank([*results, constant], 10) if row.combination == "good")
        assert good.r == pytest.approx((results[2].r + results[3].r) / 3)

    def test_missing_values_do_not_prevent_intervals(self, results):
        holes = np.concatenate([MEASURED, np.where(np.arange(80) == 3, 1.0, np.nan)[:, None]], axis=1)
        runs = [run._replace(measured=holes, predicted=np.repeat(run.predicted, 2, axis=1)) for run in results]
        wanted = rank(results, 50)
        rows = rank(runs, 50)
        assert [row.combination for row in rows] == ["good", "fair", "bad"]
        assert rows[2].behind == pytest.approx(wanted[2].behind)

    def test_runs_on_different_sequences_are_refused(self, results):
        other = result("other", 1)._replace(measured=MEASURED[::-1])
        with pytest.raises(InputError, match="validated on the same sequences, got different sequences in bad and other"):
            rank([*results, other], 10)

    def test_no_run_is_an_error(self):
        with pytest.raises(InputError, match="at least one run to rank"):
            rank([])


class TestFiles:
    def test_the_table_has_all_metrics(self, results, tmp_path):
        rows = rank(results, 50)
        write_leaderboard(rows, 80, {}, tmp_path)
        with (tmp_path / "leaderboard.tsv").open() as file:
            table = list(csv.DictReader(file, delimiter="\t"))
        assert tuple(table[0]) == COLUMNS
        assert [line["combination"] for line in table] == ["good", "fair", "bad"]
        assert [line["runs"] for line in table] == ["2", "1", "2"]
        assert float(table[2]["behind_high"]) == pytest.approx(rows[2].behind.high, rel=1e-5)
        assert (table[0]["behind"], table[1]["sd"], table[2]["sequences_per_second"]) == ("", "nan", "20")

    def test_markdown_is_readable(self, results, tmp_path):
        rows = rank(results, 50)
        write_leaderboard(rows, 80, {"odd_seed-0": "exit status 1; Error: a | b"}, tmp_path)
        lines = (tmp_path / "leaderboard.md").read_text().splitlines()
        assert lines[4] == f"| good | 2 | {rows[0].r:.4f} | {rows[0].sd:.4f} | 1,000 | 2.0 | 50 |  |"
        assert lines[5].startswith(f"| fair | 1 | {rows[1].r:.4f} |  | 1,000 | 2.0 | 50 | {rows[1].behind.value:.4f} (")
        assert lines[-1] == "| odd_seed-0 | exit status 1; Error: a &#124; b |"
        assert any("80 validation sequences" in line for line in lines)

    def test_failures_are_only_listed_if_there_are_any(self, results, tmp_path):
        write_leaderboard(rank(results, 5), 80, {}, tmp_path)
        assert "Failed" not in (tmp_path / "leaderboard.md").read_text()

    def test_an_undefined_r_is_explained(self, tmp_path):
        runs = [result(name, 1, r=float("nan"), error=error, measured=np.ones((80, 1))) for name, error in (("a", 2.0), ("b", 0.5))]
        rows = rank(runs, 10)
        write_leaderboard(rows, 80, {}, tmp_path)
        text = (tmp_path / "leaderboard.md").read_text()
        assert "| b | 1 | undefined (relative error 0.5) |" in text
        assert "undefined r rank last. They are ordered by the squared error" in text
        assert "nan" not in text
        plot_leaderboard(rows, tmp_path / "leaderboard.png")

    def test_a_missing_folder_is_an_error(self, results, tmp_path):
        with pytest.raises(DreamkerasError, match=r"leaderboard\.tsv"):
            write_leaderboard(rank(results, 5), 80, {}, tmp_path / "no")
