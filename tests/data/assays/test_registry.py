"""The table of assays."""

import pytest

from dreamkeras.data.assays.assay import Assay
from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.registry import ASSAYS, find_assay
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import Construct


@pytest.mark.parametrize("name", ASSAYS)
def test_an_assay_is_found_by_its_name(name):
    assert find_assay(name) is ASSAYS[name]
    assert find_assay(name).name == name


@pytest.mark.parametrize("assay", ASSAYS.values(), ids=list(ASSAYS))
def test_an_assay_says_all_that_a_model_needs(assay):
    assert isinstance(assay, Assay)
    assert isinstance(assay.construct, Construct)
    assert len(assay.tasks) == len(assay.units) >= 1
    assert all(assay.units)
    assert callable(assay.read)
    assert assay.construct.flags[0] == "is_reverse"


@pytest.mark.parametrize("name", ["worm", "", "Yeast"])
def test_an_unknown_assay_lists_the_known(name):
    with pytest.raises(InputError, match=f"Expected one of the assays .*yeast.*, got '{name}'"):
        find_assay(name)


def test_an_atac_assay_is_that_of_its_layout():
    assay = find_assay("atac", AtacLayout("genome.fa", "coverage.bw", length=400, profile_length=200))
    assert (assay.name, assay.construct.length, assay.profile) == ("atac", 400, 200)
    assert (assay.tasks, assay.units, assay.bins) == (("log_counts",), ("ln(1 + reads)",), None)


@pytest.mark.parametrize(("name", "layout", "option"), [
    ("table", None, "--target-column"), ("atac", None, "--genome and --signal"),
    ("table", AtacLayout("genome.fa", "coverage.bw"), "--target-column"), ("atac", TableLayout(("value",)), "--genome"),
])  # fmt: skip
def test_an_assay_without_its_layout_names_the_options_that_make_it(name, layout, option):
    with pytest.raises(InputError, match=f"^Assay '{name}' needs .*: name .* with {option}"):
        find_assay(name, layout)


@pytest.mark.parametrize("assay", [assay for assay in ASSAYS.values() if assay.insert_length])
def test_the_length_of_most_inserts_fits(assay):
    assert assay.construct.shortest <= assay.insert_length <= assay.construct.longest
