import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from dreamkeras.data.examples import Examples
from dreamkeras.evaluation.evaluate import evaluate
from dreamkeras.evaluation.files import gc_percent, write_evaluation
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged

pytest.importorskip("matplotlib")

TASK = "log2($a/b$) <x>"


class Page(HTMLParser):
    """Parser that collects the cells, images and external links of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.sources, self.cells = [""], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        if self.tags[-1] == "td":
            self.cells.append(data.strip())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluation") / "out"
    random = np.random.default_rng(0)
    targets = random.normal(size=(30, 1)).astype(np.float32)
    letters = random.choice(np.frombuffer(b"ACGT", np.uint8), (30, 20))
    examples = Examples([f"s{i}" for i in range(30)], letters, targets, np.zeros((30, 0), np.float32), np.full(30, 20, np.int32))
    predictions = {name: targets + random.normal(size=(30, 1)) for name in ("run/a", "b")}
    subsets = {"all": np.arange(30), "yeast": np.arange(10), "SNVs": np.stack([np.arange(10), np.arange(10, 20)], 1)}
    evaluation = evaluate(examples, (TASK,), predictions, subsets, draws=30)
    write_evaluation(folder, evaluation, examples, predictions, {TASK: "units"}, ["Beware of <this>."])
    return folder, evaluation, examples, predictions


def test_json_contains_all_metrics(written):
    folder, evaluation, *_ = written
    found = json.loads((folder / "evaluation.json").read_text())
    assert (found["sequences"], found["notes"]) == (30, ["Beware of <this>."])
    assert found["figures"]["b"][TASK]["r"]["low"] == evaluation.figures["b"][TASK].r.low
    assert found["differences"][0]["first"] == "run/a"
    assert found["scores"]["b"]["pearson"] == evaluation.scores["b"].pearson


def test_tables_have_a_row_for_each_model_and_part(written):
    folder, evaluation, examples, predictions = written
    figures, subsets, rows = (
        [line.split("\t") for line in (folder / name).read_text().splitlines()]
        for name in ("figures.tsv", "subsets.tsv", "predictions.tsv")
    )
    assert [row[:3] for row in figures[1:]] == [["run/a", TASK, "30"], ["b", TASK, "30"]]
    assert float(figures[1][3]) == pytest.approx(evaluation.figures["run/a"][TASK].r.value, abs=1e-5)
    assert [row[:4] for row in subsets[4:]] == [["b", "all", "30", "1"], ["b", "yeast", "10", "0.3"], ["b", "SNVs", "10", "1.25"]]
    assert rows[0] == ["id", f"measured_{TASK}", f"run/a_{TASK}", f"b_{TASK}"]
    np.testing.assert_allclose(
        np.array([row[1:] for row in rows[1:]], float)[:, [0, 2]], np.hstack([examples.targets, predictions["b"]]), rtol=1e-5
    )


def test_the_report_contains_every_plot_and_no_external_links(written):
    folder, evaluation, *_ = written
    text = (folder / "report.html").read_text()
    page = Page(text)
    plots = list((folder / "plots").glob("*.png"))
    assert len(plots) == 1 + 2 * 4
    assert page.tags.count("img") == len(plots)
    assert "script" not in page.tags
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert f"{evaluation.scores['b'].pearson:.4f}" in page.cells
    assert f"{TASK} (units)" in page.cells
    assert "Beware of &lt;this&gt;." in text
    assert not re.search(r"autosome", text)  # published scores are for nine subsets, and this evaluation has three


def test_gc_content_is_that_of_the_insert():
    inserts = ["A" * 80, "GC" * 40, "ACGT" * 20, "acgn" * 20]
    letters = YEAST.windows(Ragged.from_strings(inserts))
    n = len(inserts)
    examples = Examples(
        list("abcd"), letters, np.zeros((n, 1), np.float32), np.zeros((n, 2), np.float32), np.full(n, 80, np.int32), construct=YEAST
    )
    assert gc_percent(examples).tolist() == [0, 100, 50, 67]
