"""The registry of assays."""

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
def test_assays_define_all_properties_of_a_model(assay):
    assert isinstance(assay, Assay)
    assert isinstance(assay.construct, Construct)
    assert len(assay.tasks) == len(assay.units) >= 1
    assert all(assay.units)
    assert callable(assay.read)
    assert assay.construct.flags[0] == "is_reverse"


@pytest.mark.parametrize("name", ["worm", "", "Yeast"])
def test_unknown_assays_are_rejected_with_a_list_of_known_ones(name):
    with pytest.raises(InputError, match=f"Expected one of the assays .*yeast.*, got '{name}'"):
        find_assay(name)


def test_an_atac_assay_is_defined_by_its_layout():
    assay = find_assay("atac", AtacLayout("genome.fa", "coverage.bw", length=400, profile_length=200))
    assert (assay.name, assay.construct.length, assay.profile) == ("atac", 400, 200)
    assert (assay.tasks, assay.units, assay.bins) == (("log_counts",), ("ln(1 + reads)",), None)


@pytest.mark.parametrize(("name", "layout", "option"), [
    ("table", None, "--target-column"), ("atac", None, "--genome and --signal"),
    ("table", AtacLayout("genome.fa", "coverage.bw"), "--target-column"), ("atac", TableLayout(("value",)), "--genome"),
])  # fmt: skip
def test_a_missing_layout_is_reported_with_the_required_options(name, layout, option):
    with pytest.raises(InputError, match=f"^Assay '{name}' needs .*: name .* with {option}"):
        find_assay(name, layout)


@pytest.mark.parametrize("assay", [assay for assay in ASSAYS.values() if assay.insert_length])
def test_inserts_of_the_usual_length_fit_the_construct(assay):
    assert assay.construct.shortest <= assay.insert_length <= assay.construct.longest
