"""The reader of the fly assay, with published files and with small test files."""

import numpy as np
import pytest

from dreamkeras.data.assays.starrseq import STARRSEQ, STARRSEQ_ASSAY, read
from dreamkeras.errors import InputError

HEADER = "seqnames\tstart\tend\tID\tset\tSequence\tDev_log2_enrichment\tHk_log2_enrichment"


@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_the_published_tables_read_as_pandas_reads_them(data_folder, part):
    pd = pytest.importorskip("pandas")
    path = data_folder / "data/drosophila_starrseq" / f"{part}.tsv"
    table, examples = pd.read_csv(path, sep="\t"), read(str(path))
    assert len(examples) == len(table) == 1000
    assert examples.ids == table["ID"].tolist()
    assert [window.tobytes().decode() for window in examples.letters] == table["Sequence"].tolist()
    wanted = table[["Dev_log2_enrichment", "Hk_log2_enrichment"]].to_numpy(np.float32)
    np.testing.assert_array_equal(examples.targets, wanted)
    np.testing.assert_array_equal(examples.flags[:, 0], table["ID"].str.contains("_-_"))
    assert examples.folds is None
    assert 0.4 < examples.flags.mean() < 0.6


@pytest.mark.parametrize(("name", "is_reverse"), [("chrX_1_249_+_negative", 0), ("chrX_1_249_-_peak_849bp_region", 1)])
def test_the_strand_is_taken_from_the_id(tmp_path, name, is_reverse):
    row = f"chrX\t1\t249\t{name}\tTrain\t{'acgta' * 49 + 'ACGN'}\t1.5\t-2"
    (tmp_path / "table.tsv").write_text(f"{HEADER}\n{row}\n")
    examples = read(str(tmp_path / "table.tsv"))
    assert examples.flags.tolist() == [[is_reverse]]
    assert examples.targets.tolist() == [[1.5, -2]]


def test_short_names_of_the_values_and_commas_are_read(tmp_path):
    (tmp_path / "table.csv").write_text(f"Hk,Dev,name,seq\n2,1,a,{'A' * 249}\n")
    assert read(str(tmp_path / "table.csv")).targets.tolist() == [[1, 2]]


@pytest.mark.parametrize("length", [248, 250])
def test_other_lengths_are_rejected(tmp_path, length):
    (tmp_path / "table.csv").write_text(f"dev,hk,id,seq\n2,1,a,{'A' * length}\n")
    with pytest.raises(InputError, match=f"Expected 249 bases for construct 'starrseq', got {length} in record 'a'"):
        read(str(tmp_path / "table.csv"))


def test_the_assay_has_two_tasks_for_the_given_strand():
    assert STARRSEQ_ASSAY.tasks == ("Dev", "Hk")
    assert len(set(STARRSEQ_ASSAY.units)) == 2
    assert STARRSEQ_ASSAY.bins is None
    assert (STARRSEQ.length, STARRSEQ.strands, STARRSEQ.flags) == (249, "given", ("is_reverse",))
