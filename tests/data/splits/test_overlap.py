"""Overlap of validation and training sequences, with known numbers of copies and near-duplicates."""

import numpy as np
import pytest
from leaked_rows import changed, leak, turned

from dreamkeras.data.assays.lentimpra import LENTIMPRA
from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.assays.starrseq import STARRSEQ
from dreamkeras.data.assays.yeast import read
from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.hold_out import split
from dreamkeras.data.splits.overlap import Overlap, overlap
from dreamkeras.sequence.alphabet import BASES
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.ragged import Ragged

LENGTHS = [(YEAST, 80), (LENTIMPRA, 200), (STARRSEQ, 249), (Construct("bare", 100), 100)]


def random_sequences(count, length, seed=0):
    return ["".join(row) for row in np.random.default_rng(seed).choice(list(BASES), (count, length))]


def examples_of(construct, inserts, adapters=True):
    left, right = (construct.left_adapter, construct.right_adapter) if adapters else ("", "")
    ragged = Ragged.from_strings([left + insert + right for insert in inserts])
    fields = np.zeros((len(inserts), 1), np.float32)
    lengths = ragged.lengths.astype(np.int32)
    return Examples([""] * len(inserts), construct.windows(ragged), fields, fields, lengths, construct=construct)


@pytest.mark.parametrize(("construct", "length"), LENGTHS, ids=lambda value: getattr(value, "name", value))
@pytest.mark.parametrize("adapters", [True, False])
def test_every_kind_of_overlap_is_counted_in_every_construct(construct, length, adapters):
    rng, inserts = np.random.default_rng(0), random_sequences(400, length)
    asked = inserts[:5] + [turned(insert) for insert in inserts[5:12]] + [changed(insert, rng) for insert in inserts[12:20]]
    asked += [turned(changed(insert, rng)) for insert in inserts[20:23]] + random_sequences(77, length, seed=1)
    assert overlap(examples_of(construct, inserts), examples_of(construct, asked, adapters)) == Overlap(5, 7, 11)


def test_a_sequence_is_counted_once_under_the_strictest_kind():
    insert = random_sequences(1, 80)[0]
    known = [insert, turned(insert), changed(insert, np.random.default_rng(0)), *random_sequences(50, 80, seed=1)]
    assert overlap(examples_of(YEAST, known), examples_of(YEAST, [insert, insert])) == Overlap(2, 0, 0)


def test_a_palindrome_is_a_copy():
    half = random_sequences(1, 40)[0]
    palindrome = examples_of(YEAST, [half + turned(half)])
    assert overlap(palindrome, palindrome) == Overlap(1, 0, 0)


def test_random_sequences_in_equal_flanks_do_not_overlap():
    known, asked = random_sequences(2000, 30), random_sequences(500, 30, seed=1)
    assert overlap(examples_of(YEAST, known), examples_of(YEAST, asked)) == Overlap(0, 0, 0)


def test_constant_ends_are_ignored():
    construct = Construct("undeclared", 110, alignment="center")
    left, right = random_sequences(2, 35, seed=2)
    known, fresh = random_sequences(400, 40), random_sequences(50, 40, seed=1)
    sides = [[left + insert + right for insert in inserts] for inserts in (known, [turned(insert) for insert in known[:9]] + fresh)]
    assert overlap(*(examples_of(construct, side) for side in sides)) == Overlap(0, 9, 0)


def test_training_and_validation_sets_of_a_split_do_not_overlap():
    rng, inserts = np.random.default_rng(0), random_sequences(300, 80)
    inserts += [changed(insert, rng) for insert in inserts[:150]] + [turned(insert) for insert in inserts[150:]]
    training, validation = split(examples_of(YEAST, inserts), 0.2)
    assert len(validation) == 120
    assert overlap(training, validation) == Overlap(0, 0, 0)


def test_modified_copies_of_real_promoters_are_counted_by_kind(data_folder, tmp_path):
    rows = [line.split("\t") for line in (data_folder / "data/yeast_gpra/train.tsv").read_text().splitlines()]
    sides = {"training": rows[:5050], "validation": rows[5050:]}
    leak(*sides.values(), 0.05, YEAST)
    for name, side in sides.items():
        (tmp_path / name).write_text("".join("\t".join(row) + "\n" for row in side))
    assert overlap(*(read(str(tmp_path / name)) for name in sides)) == Overlap(22, 22, 22)


@pytest.mark.parametrize(("assay", "folder", "counts"), [
    ("lentimpra", "human_lentimpra", (12, 15, 5)), ("starrseq", "drosophila_starrseq", (10, 11, 23)),
])  # fmt: skip
def test_the_sampled_human_and_fly_files_overlap(data_folder, assay, folder, counts):
    training, validation = (find_assay(assay).read(str(data_folder / "data" / folder / name)) for name in ("train.tsv", "valid.tsv"))
    assert overlap(training, validation) == counts
    again = overlap(validation, validation)
    assert again == (len(validation), 0, 0)
