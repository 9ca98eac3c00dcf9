"""The project's own prose is plain by the rules of prose.py and spelt right; and the rules, tried on sentences."""

import subprocess
import sys

import pytest
from prose import ROOT, file_sentences, files, findings, help_sentences, passages, sample, sentences


def test_all_prose_keeps_the_rules():
    assert [finding for path in files() for finding in findings(file_sentences(path))] == []


def test_all_help_keeps_the_rules():
    assert findings(help_sentences()) == []


def test_words_are_spelt_right():
    pytest.importorskip("codespell_lib", reason="codespell is an extra of `dev`")
    found = subprocess.run([sys.executable, "-m", "codespell_lib"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("sentence", "count"),
    [
        ("The file tells which model it wants.", 1),
        ("What a network answers for letters alone", 2),
        ("What is a construct?", 0),
        ("What stands behind the last window is not scored.", 2),
        ("Whoever asks gets what is there.", 0),
        ("whoever reads it", 1),
        ("a copy that is turned round", 1),
        ("Of each row the values from its start on.", 1),
        ("The run goes on from its checkpoint.", 1),
        ("Bases after the last full window are not scored.", 0),
        ("Predicts the effect of each alternative allele in a VCF.", 0),
        ("`what is in code` is code", 0),
    ],
)
def test_rules_find_riddles_and_leave_plain_sentences(tmp_path, sentence, count):
    (tmp_path / "a.md").write_text(sentence + "\n")
    (tmp_path / "a.py").write_text(f'x = 1  # {sentence}\n"""{sentence}"""\ny = f"{sentence}"\n')
    assert len(findings(file_sentences(tmp_path / "a.md"))) == count
    assert len(findings(file_sentences(tmp_path / "a.py"))) == 3 * count


def test_code_between_fences_is_no_prose(tmp_path):
    (tmp_path / "a.md").write_text("Plain.\n\n```\nwhoever\n```\n\nwhoever\n")
    assert [finding.place for finding in findings(file_sentences(tmp_path / "a.md"))] == [f"{tmp_path}/a.md:7"]


def test_a_sentence_may_cross_lines_and_ends_with_its_passage():
    found = sentences("One that goes\non. Two.\n\n- item\n- other\n\n    name: Its text.\n    click.UsageError: Its cause.")
    assert list(found) == [
        ("", "One that goes on."),
        ("", "Two."),
        ("", "item"),
        ("", "other"),
        ("name", "Its text."),
        ("click.UsageError", "Its cause."),
    ]


def test_passages_of_a_page_are_its_texts(tmp_path):
    (tmp_path / "a.js").write_text('const x = "The page of models";\nf(`Read ${n} rows`, "short");\n')
    assert [text for _, text in passages(tmp_path / "a.js")] == ["The page of models", "Read X rows"]


def test_help_of_every_option_is_read():
    places = {sentence.place for sentence in help_sentences()}
    assert {"dreamkeras predict --help", "dreamkeras predict --interval"} <= places


def test_a_sample_is_the_same_for_a_seed():
    assert sample(5, 1) == sample(5, 1) != sample(5, 2)
