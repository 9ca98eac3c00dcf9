import pytest

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.lentimpra import LENTIMPRA
from dreamkeras.data.assays.starrseq import STARRSEQ
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.scoring.insert_length import default_insert_length
from dreamkeras.sequence.construct import YEAST, Construct

BETWEEN = Construct("between", length=20, left_adapter="AC", right_adapter="GT", left_flank="TTAC", right_flank="CCCC", alignment="left")
FLANKED = TableLayout(target_column=("y",), length=300, left_adapter="ACGT" * 5, right_adapter="GATTA" * 9).construct()


@pytest.mark.parametrize(
    ("construct", "length"),
    [
        (YEAST, 80),
        (LENTIMPRA, 200),
        (STARRSEQ, 249),
        (AtacLayout(genome="g.fa", signal="s.bw").construct(), 2114),
        (TableLayout(target_column=("y",), length=100).construct(), 100),
        (TableLayout(target_column=("y",), length=100, left_adapter="ACGT", right_adapter="GG", right_flank="TT").construct(), 92),
        (FLANKED, 235),
        (BETWEEN, 10),
    ],
)
def test_default_insert_length_of_a_construct(construct, length):
    assert default_insert_length([construct]) == length


def test_models_with_different_insert_lengths_need_a_length():
    with pytest.raises(InputError, match=r"different insert lengths: 80 for 'yeast' and 200 for 'lentimpra'\. Give the length"):
        default_insert_length([YEAST, LENTIMPRA])


def test_constant_letters_that_fill_the_window_need_a_length():
    full = Construct("full", length=20, left_flank="A" * 30, shortest=5)
    with pytest.raises(InputError, match=r"The 30 constant bases of construct 'full' leave no room for an insert in a window of 20 bases"):
        default_insert_length([full])
