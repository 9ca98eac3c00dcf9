"""The reader of the human assay, with published files and with small test files."""

import numpy as np
import pytest

from dreamkeras.data.assays.lentimpra import LENTIMPRA, LENTIMPRA_ASSAY, read
from dreamkeras.data.splits.hold_out import split
from dreamkeras.errors import InputError
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.ragged import Ragged

LEFT, RIGHT = LENTIMPRA.left_adapter, LENTIMPRA.right_adapter
ELEMENT = "ACGTTGCATT" * 20


def written(folder, rows, header="seq_id\tseq\tmean_value\tfold"):
    (folder / "table.tsv").write_text("\n".join([header, *rows]) + "\n")
    return str(folder / "table.tsv")


@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_the_published_tables_read_as_pandas_reads_them(data_folder, part):
    pd = pytest.importorskip("pandas")
    path = data_folder / "data/human_lentimpra" / f"{part}.tsv"
    table, examples = pd.read_csv(path, sep="\t"), read(str(path))
    assert len(examples) == len(table) == 1000
    assert examples.ids == table["seq_id"].tolist()
    assert [window.tobytes().decode() for window in examples.letters] == table["seq"].tolist()
    np.testing.assert_array_equal(examples.targets[:, 0], table["mean_value"].to_numpy(np.float32))
    np.testing.assert_array_equal(examples.flags[:, 0], table["seq_id"].str.contains("_Reversed:"))
    np.testing.assert_array_equal(examples.folds, table["fold"])
    assert 0.4 < examples.flags.mean() < 0.6


def test_both_orientations_of_an_element_stay_in_the_same_set(data_folder):
    examples = read(str(data_folder / "data/human_lentimpra/train.tsv"))
    sides = [
        {min(row.tobytes(), other.tobytes()) for row, other in zip(elements, reverse_complement(elements), strict=True)}
        for part in split(examples, 0.2)
        for elements in [part.letters[:, 15:-15]]
    ]
    assert not sides[0] & sides[1]


def test_adapters_are_added_to_bare_elements(tmp_path):
    examples = read(written(tmp_path, [f"a_F\t{ELEMENT}\t1\t0", f"b_Reversed:\t{LEFT}{ELEMENT}{RIGHT}\t-1\t9"]))
    assert examples.letters.shape == (2, 230)
    assert {window.tobytes().decode() for window in examples.letters} == {LEFT + ELEMENT + RIGHT}
    assert examples.flags.tolist() == [[0], [1]]
    assert examples.lengths.tolist() == [200, 230]


def test_sequences_of_230_bases_are_windows():
    letters = "GATTACATTN" * 23
    assert LENTIMPRA.windows(Ragged.from_strings([letters]))[0].tobytes().decode() == letters


@pytest.mark.parametrize("length", [199, 231])
def test_other_lengths_are_rejected(tmp_path, length):
    with pytest.raises(InputError, match=f"Expected 200 to 230 bases for construct 'lentimpra', got {length} in record 'a'"):
        read(written(tmp_path, [f"a\t{'T' * length}\t1\t0"]))


def test_the_assay_has_one_task_for_the_given_strand():
    assert LENTIMPRA_ASSAY.tasks == ("expression",)
    assert LENTIMPRA_ASSAY.bins is None
    assert (LENTIMPRA.length, LENTIMPRA.strands, LENTIMPRA.flags) == (230, "given", ("is_reverse",))
