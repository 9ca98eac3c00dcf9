import pytest

from dreamkeras.design.constraints import Constraints, read_constraints, settle_constraints
from dreamkeras.errors import InputError


def test_a_file_has_the_same_fields_as_options(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(
        'gc = [40, 60.5]\nforbid = ["EcoRI", "TATAA"]\nrequire = ["NotI"]\nhomopolymer = 4\nfixed = ["3", "5-9"]\nmax_edits = 7\n'
    )
    assert settle_constraints(read_constraints(file)) == Constraints(
        gc=(40.0, 60.5), forbid=("GAATTC", "TATAA"), require=("GCGGCCGC",), homopolymer=4, fixed=((3, 3), (5, 9)), max_edits=7
    )


def test_without_fields_there_are_no_constraints():
    assert settle_constraints({}) == Constraints()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"gc": [60, 40]}, "gc as two percentages"),
        ({"gc": [0.4, 0.6]}, "got [0.4, 0.6]"),
        ({"gc": [40]}, "got [40]"),
        ({"gc": [40, 101]}, "got [40, 101]"),
        ({"gc": [float("nan"), 60]}, "gc as two percentages"),
        ({"forbid": "EcoRI"}, "forbid to be a list of strings, got 'EcoRI'"),
        ({"forbid": ["EcoR2"]}, "a restriction enzyme or a pattern"),
        ({"homopolymer": 0}, "homopolymer to be an integer from 1 to 10000, got 0"),
        ({"homopolymer": True}, "got True"),
        ({"homopolymer": 10**40}, "homopolymer to be an integer from 1 to 10000, got 1000"),
        ({"gc": [True, 50]}, "such as 40 and 60, got [True, 50]"),
        ({"gc": [-1e39, 1e39]}, "two percentages, the lower first"),
        ({"max_edits": 2.5}, "max_edits to be an integer of at least 1, got 2.5"),
        ({"fixed": ["0-4"]}, "got '0-4'"),
        ({"fixed": ["9-4"]}, "got '9-4'"),
        ({"fixed": [5]}, "fixed to be a list of strings, got [5]"),
    ],
)
def test_invalid_values_are_refused(fields, message):
    with pytest.raises(InputError) as caught:
        settle_constraints(fields)
    assert message in str(caught.value)


@pytest.mark.parametrize(("require", "forbid"), [("NotI", "EagI"), ("GAATTC", "EcoRI"), ("GAGACC", "BsaI")])
def test_a_required_site_must_not_contain_a_forbidden_one(require, forbid):
    with pytest.raises(InputError, match=r"^Constraints contradict each other: the required site .* contains the forbidden site"):
        settle_constraints({"require": [require], "forbid": [forbid]})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gc = [", "Cannot read .*rules.toml as TOML: "),
        ("enzymes = []", "only the keys gc, forbid, .* in .*rules.toml, got 'enzymes'"),
    ],
)
def test_malformed_files_are_refused(tmp_path, text, message):
    (tmp_path / "rules.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_constraints(tmp_path / "rules.toml")
    with pytest.raises(InputError, match=r"File not found: nowhere\.toml"):
        read_constraints("nowhere.toml")
