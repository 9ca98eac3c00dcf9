"""The table of assays."""

import pytest

from dreamkeras.data.assay import Assay
from dreamkeras.data.assays import ASSAYS, find_assay
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
