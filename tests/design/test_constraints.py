import pytest

from dreamkeras.design.constraints import Constraints, read_constraints, settle_constraints
from dreamkeras.errors import InputError


def test_a_file_says_what_options_say(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(
        'gc = [40, 60.5]\nforbid = ["EcoRI", "TATAA"]\nrequire = ["NotI"]\nhomopolymer = 4\nfixed = ["3", "5-9"]\nmax_edits = 7\n'
    )
    assert settle_constraints(read_constraints(file)) == Constraints(
        gc=(40.0, 60.5), forbid=("GAATTC", "TATAA"), require=("GCGGCCGC",), homopolymer=4, fixed=((3, 3), (5, 9)), max_edits=7
    )


def test_nothing_said_is_no_constraint():
    assert settle_constraints({}) == Constraints()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gc": [60, 40]}, "gc as two percentages"),
        ({"gc": [0.4, 0.6]}, "got [0.4, 0.6]"),
        ({"gc": [40]}, "got [40]"),
        ({"gc": [40, 101]}, "got [40, 101]"),
        ({"gc": [float("nan"), 60]}, "gc as two percentages"),
        ({"forbid": "EcoRI"}, "forbid as a list of texts, got 'EcoRI'"),
        ({"forbid": ["EcoR2"]}, "a restriction enzyme or a pattern"),
        ({"homopolymer": 0}, "homopolymer to be a whole number from 1 on, got 0"),
        ({"homopolymer": True}, "got True"),
        ({"max_edits": 2.5}, "max_edits to be a whole number from 1 on, got 2.5"),
        ({"fixed": ["0-4"]}, "got '0-4'"),
        ({"fixed": ["9-4"]}, "got '9-4'"),
        ({"fixed": [5]}, "fixed as a list of texts, got [5]"),
    ],
)
def test_values_out_of_range_are_named(fields, message):
    with pytest.raises(InputError) as caught:
        settle_constraints(fields)
    assert message in str(caught.value)


@pytest.mark.parametrize(("require", "forbid"), [("NotI", "EagI"), ("GAATTC", "EcoRI"), ("GAGACC", "BsaI")])
def test_a_required_site_may_not_hold_a_forbidden_one(require, forbid):
    with pytest.raises(InputError, match=r"constraints that go together, got .* required, which holds the forbidden"):
        settle_constraints({"require": [require], "forbid": [forbid]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gc = [", "a TOML file of constraints, got .*rules.toml"),
        ("enzymes = []", "keys among gc, forbid, .*, got 'enzymes' in .*rules.toml"),
    ],
)
def test_files_that_are_no_constraints_are_named(tmp_path, text, message):
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_constraints(tmp_path / "rules.toml")
    with pytest.raises(InputError, match=r"nowhere.toml \(No such file"):
        read_constraints("nowhere.toml")
