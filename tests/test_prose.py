"""The project's own prose, held against the rules of prose.py, and the rules against sentences."""

import pytest
from prose import ROOT, backlog, files, findings


@pytest.mark.parametrize("path", files(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_file_has_more_to_decode_than_before(path):
    found = findings(path)
    allowed = backlog().get(path.relative_to(ROOT).as_posix(), 0)
    assert len(found) <= allowed, "\n".join(f"line {line}: {text!r}: {advice}" for line, text, advice in found)


@pytest.mark.parametrize(
    ("sentence", "count"),
    [
        ("The file tells which model it wants.", 1),
        ("What a network answers for letters alone", 1),
        ("What is a construct?", 0),
        ("What stands behind the last window is not scored.", 2),
        ("Whoever asks gets what is there.", 0),
        ("whoever reads it", 1),
        ("a copy that is turned round", 1),
        ("Bases after the last full window are not scored.", 0),
        ("Predicts the effect of each alternative allele in a VCF.", 0),
        ("`what is in code` is code", 0),
    ],
)
def test_rules_find_riddles_and_leave_plain_sentences(tmp_path, sentence, count):
    (tmp_path / "a.md").write_text(sentence + "\n")
    (tmp_path / "a.py").write_text(f'x = 1  # {sentence}\n"""{sentence}"""\n')
    assert len(findings(tmp_path / "a.md")) == count
    assert len(findings(tmp_path / "a.py")) == 2 * count


def test_code_between_fences_is_no_prose(tmp_path):
    (tmp_path / "a.md").write_text("Plain.\n\n```\nwhoever\n```\n\nwhoever\n")
    assert [finding.line for finding in findings(tmp_path / "a.md")] == [7]
