import pytest

from dreamkeras.design.restriction_sites import RESTRICTION_SITES, find_site
from dreamkeras.errors import InputError
from dreamkeras.sequence.alphabet import IUPAC

GOLDEN_GATE = {"AarI", "BbsI", "BsaI", "BsgI", "BsmBI", "BspQI", "BtgZI", "Esp3I", "PaqCI", "SapI"}
PARTNERS = str.maketrans("ACGTRYSWKMN", "TGCAYRSWMKN")


def test_sites_are_palindromes_except_for_enzymes_that_cut_outside_the_site():
    assert {name for name, site in RESTRICTION_SITES.items() if site != site[::-1].translate(PARTNERS)} == GOLDEN_GATE


def test_sites_have_four_to_thirteen_iupac_codes():
    assert all(4 <= len(site) <= 13 and set(site) <= set(IUPAC) for site in RESTRICTION_SITES.values())


@pytest.mark.parametrize(("one", "other"), [("SmaI", "XmaI"), ("BsmBI", "Esp3I"), ("SapI", "BspQI"), ("KasI", "NarI"), ("ApaI", "PspOMI")])
def test_enzymes_with_the_same_recognition_site(one, other):
    assert RESTRICTION_SITES[one] == RESTRICTION_SITES[other]


@pytest.mark.parametrize(("text", "site"), [("EcoRI", "GAATTC"), ("bsai", "GGTCTC"), ("tataar", "TATAAR"), ("GGUCUC", "GGTCTC")])
def test_a_site_is_found_by_name_or_pattern(text, site):
    assert find_site(text) == site


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("BamH1", "got 'BamH1'. Did you mean BamHI?"),
        ("", "got ''."),
        ("TATA-A", "IUPAC codes, got 'TATA-A'"),
        ("NNN", "The pattern 'NNN' matches every sequence"),
    ],
)
def test_invalid_texts_are_refused(text, message):
    with pytest.raises(InputError) as caught:
        find_site(text)
    assert message in str(caught.value)
