"""Near-duplicates, compared with a comparison of all pairs of strings."""

import itertools
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamkeras.data.assays.registry import find_assay
from dreamkeras.data.splits import similar
from dreamkeras.data.splits.duplicates import duplex_keys
from dreamkeras.data.splits.inserts import Inserts, find_inserts
from dreamkeras.data.splits.similar import NEAR, WORD, family_keys, found_near, similarity
from dreamkeras.sequence.alphabet import reverse_complement
from dreamkeras.sequence.construct import YEAST
from dreamkeras.sequence.ragged import Ragged

TURN = str.maketrans("ACGTN", "TGCAN")
BASES = np.frombuffer(b"ACGT", np.uint8)


def words(sequence):
    """Returns the canonical 8-mers of a sequence."""
    kmers = [sequence[start : start + WORD] for start in range(len(sequence) - WORD + 1)]
    return [min(kmer, kmer[::-1].translate(TURN)) for kmer in kmers if "N" not in kmer]


def plain_similarity(one, other):
    first, second = Counter(words(one)), Counter(words(other))
    common = min(sum(counts[word] for word in counts if word in others) for counts, others in ((first, second), (second, first)))
    return common / max(min(len(one), len(other)) - WORD + 1, 1)


def as_inserts(sequences):
    """Returns inserts of different lengths at different positions of windows that are filled with other bases."""
    width = max(map(len, sequences), default=0) + 5
    starts = np.arange(len(sequences)) % 5
    stops = starts + [len(sequence) for sequence in sequences]
    letters = np.full((len(sequences), width), ord("A"), np.uint8)
    for row, start, sequence in zip(letters, starts, sequences, strict=True):
        row[start : start + len(sequence)] = list(sequence.encode())
    return Inserts(letters, starts.astype(np.int32), stops.astype(np.int32))


def draw(count, length, rng):
    return BASES[rng.integers(0, 4, (count, length))]


def changed(letters, count, rng):
    """Returns rows with `count` changed bases each."""
    letters = letters.copy()
    rows, places = np.arange(len(letters))[:, None], np.argsort(rng.random(letters.shape), 1)[:, :count]
    letters[rows, places] = BASES[(np.searchsorted(BASES, letters[rows, places]) + rng.integers(1, 4, (len(letters), count))) % 4]
    return letters


def shared(keys):
    """Returns whether each row of the second half is in the family of the corresponding row of the first half."""
    return keys[: len(keys) // 2] == keys[len(keys) // 2 :]


@given(st.lists(st.tuples(*[st.text("ACGTN", min_size=1, max_size=60)] * 2), min_size=1, max_size=8))
@settings(deadline=None)
def test_similarity_equals_a_comparison_of_strings(pairs):
    one, other = (as_inserts(list(sequences)) for sequences in zip(*pairs, strict=True))
    rows = np.arange(len(pairs))
    np.testing.assert_allclose(similarity(one, rows, other, rows), [plain_similarity(*pair) for pair in pairs])


def test_similarity_does_not_depend_on_the_block_size():
    rng = np.random.default_rng(0)
    letters = draw(1, 80, rng).repeat(700, 0)
    inserts = find_inserts(np.concatenate([letters, changed(letters, 3, rng)]))
    came = similarity(inserts, np.arange(700), inserts, np.arange(700, 1400))
    texts = [row.tobytes().decode() for row in inserts.letters]
    np.testing.assert_allclose(came, [plain_similarity(texts[row], texts[row + 700]) for row in range(700)])


# Recall measured with 30,000 pairs: 1, 1, 0.9985, 0.983, 0.869 and 0.573 for 1 to 6 changed bases.
@pytest.mark.parametrize(("count", "recall"), [(0, 1), (1, 1), (2, 1), (3, 0.99), (4, 0.97), (5, 0.85)])
def test_copies_with_changed_letters_are_found_on_either_strand(count, recall):
    rng = np.random.default_rng(count)
    letters = draw(2000, 80, rng)
    copies = changed(letters, count, rng)
    copies[::2] = reverse_complement(copies[::2])
    assert shared(family_keys(np.concatenate([letters, copies]))).mean() >= recall


@pytest.mark.parametrize("shift", [1, 10, 30])
def test_shifted_copies_are_found(shift):
    long = draw(500, 80 + shift, np.random.default_rng(shift))
    assert shared(family_keys(np.concatenate([long[:, :80], long[:, shift:]]))).all()


def test_copies_in_other_flanks_are_found():
    rng = np.random.default_rng(0)
    inserts = draw(500, 80, rng)
    assert shared(family_keys(np.concatenate([np.hstack([draw(500, 15, rng), inserts, draw(500, 10, rng)]) for _ in range(2)]))).all()


def test_random_sequences_have_no_near_duplicates():
    letters = draw(30_000, 80, np.random.default_rng(0))
    assert np.array_equal(family_keys(letters), duplex_keys(letters))


def oracle_pairs(texts):
    """Returns all pairs of near-duplicates, bool (n, n), from products of tables of 8-mers."""
    sparse = pytest.importorskip("scipy.sparse")
    columns = {}
    cells = [(row, columns.setdefault(word, len(columns))) for row, text in enumerate(texts) for word in words(text)]
    counts = sparse.csr_array((np.ones(len(cells)), np.array(cells).T), (len(texts), len(columns)))
    held = (counts @ (counts > 0).astype(float).T).toarray()  # number of 8-mers of the first that are in the second
    sizes = np.array([len(text) for text in texts])
    return np.minimum(held, held.T) >= NEAR * (np.minimum(sizes[:, None], sizes) - WORD + 1)


@pytest.mark.parametrize(("assay", "path"), [
    ("lentimpra", "human_lentimpra/train.tsv"), ("starrseq", "drosophila_starrseq/train.tsv"),
])  # fmt: skip
def test_families_of_real_sequences_equal_a_comparison_of_all_pairs(data_folder, assay, path):
    examples = find_assay(assay).read(str(data_folder / "data" / path))
    inserts = find_inserts(examples.letters, examples.lengths, examples.construct)
    texts = [row[start:stop].tobytes().decode() for row, start, stop in zip(*inserts, strict=True)]
    keys = family_keys(examples.letters, examples.lengths, examples.construct)
    near = oracle_pairs(texts)
    family = keys[:, None] == keys
    np.fill_diagonal(near, val=False)
    assert family[near].mean() >= 0.95
    assert set(np.flatnonzero(family.sum(1) > 1)) <= set(np.flatnonzero(near.any(1)))


def test_variants_of_a_reference_form_a_family():
    rng = np.random.default_rng(0)
    letters = changed(draw(10, 230, rng).repeat(300, 0), 3, rng)
    keys = family_keys(letters[rng.permutation(3000)])
    assert np.unique(keys, return_counts=True)[1].tolist() == [300] * 10


def test_two_near_duplicates_form_a_family():
    rng = np.random.default_rng(0)
    for letters in draw(50, 40, rng):  # a change in the middle leaves a common stretch of 19 bases
        pair = np.stack([letters, changed(letters[None], 1, rng)[0]])
        assert len(np.unique(family_keys(pair))) == 1


def test_overlapping_tiles_of_a_region_form_a_family():
    regions = draw(50, 1200, np.random.default_rng(0))
    tiles = np.lib.stride_tricks.sliding_window_view(regions, 249, axis=1)[:, ::100].reshape(-1, 249)
    keys = family_keys(np.concatenate([tiles, reverse_complement(tiles)]))
    assert np.unique(keys, return_counts=True)[1].tolist() == [20] * 50


def test_families_do_not_depend_on_the_order():
    rng = np.random.default_rng(0)
    letters = changed(draw(300, 60, rng).repeat(4, 0), 2, rng)
    order = rng.permutation(len(letters))
    assert np.array_equal(family_keys(letters)[order], family_keys(letters[order]))


def test_adapters_and_flanks_are_ignored():
    inserts = ["".join(row) for row in np.random.default_rng(0).choice(list("ACGT"), (300, 20))]
    ragged = Ragged.from_strings([YEAST.left_adapter + insert + YEAST.right_adapter for insert in inserts])
    assert len(np.unique(family_keys(YEAST.windows(ragged), ragged.lengths, YEAST))) == 300
    rng = np.random.default_rng(1)
    undeclared = np.hstack([draw(1, 40, rng).repeat(300, 0), draw(300, 30, rng), draw(1, 40, rng).repeat(300, 0)])
    assert len(np.unique(family_keys(undeclared))) == 300


def test_a_common_core_does_not_make_near_duplicates():
    rng = np.random.default_rng(0)
    letters = np.hstack([draw(5000, 40, rng), draw(1, 40, rng).repeat(5000, 0), draw(5000, 40, rng)])
    start = time.process_time()
    assert len(np.unique(family_keys(letters))) == 5000
    assert time.process_time() - start < 2


def test_families_do_not_depend_on_the_number_of_parts(monkeypatch):
    rng = np.random.default_rng(0)
    letters = changed(draw(500, 80, rng).repeat(2, 0), 1, rng)
    whole = family_keys(letters)
    monkeypatch.setattr(similar, "SEEDS", 1000)
    monkeypatch.setattr(similar, "BLOCK", 10)
    assert np.array_equal(family_keys(letters), whole)
    assert len(np.unique(whole)) == 500


def test_parts_have_disjoint_seeds():
    inserts, rows = find_inserts(draw(200, 80, np.random.default_rng(0))), np.arange(200)
    whole = next(similar._seeds(inserts, rows, 20, 1))
    for count in (2, 3):
        parts = list(similar._seeds(inserts, rows, 20, count))
        assert max(map(len, parts)) < len(whole) * 2 / 3
        assert np.array_equal(np.sort(np.concatenate(parts)), whole)


def test_near_duplicates_are_found_among_many_sequences():
    rng = np.random.default_rng(0)
    known = draw(3000, 80, rng)
    asked = np.concatenate([reverse_complement(changed(known[:40], 1, rng)), draw(60, 80, rng)])
    assert found_near(find_inserts(known), find_inserts(asked)).tolist() == [True] * 40 + [False] * 60


@pytest.mark.parametrize(("known", "asked"), [(0, 3), (3, 0)])
def test_empty_input_gives_no_near_duplicates(known, asked):
    rng = np.random.default_rng(0)
    found = found_near(find_inserts(draw(known, 80, rng)), find_inserts(draw(asked, 80, rng)))
    assert found.tolist() == [False] * asked


def test_short_sequences_are_compared():
    letters = np.array([list(text) for text in (b"ACGTTGCA", b"TGCAACGT", b"ACGTTGCC")], np.uint8)
    assert np.array_equal(family_keys(letters), duplex_keys(letters))


def plain_families(sequences):
    """Returns the smallest row of each sequence's family, from a comparison of all pairs."""
    leader = list(range(len(sequences)))
    for one, other in itertools.combinations(range(len(sequences)), 2):
        if plain_similarity(sequences[one], sequences[other]) >= NEAR:
            low, high = sorted((leader[one], leader[other]))
            leader = [low if row == high else row for row in leader]
    return leader


@pytest.mark.parametrize("seed", range(10))
def test_families_equal_a_comparison_of_all_pairs(seed):
    rng = np.random.default_rng(seed)
    parents = draw(12, 80, rng)
    letters = np.concatenate([parents, *(changed(parents[rng.integers(0, 12, 8)], count, rng) for count in (1, 2))])
    turned = rng.random(len(letters)) < 0.5
    letters[turned] = reverse_complement(letters[turned])
    keys = family_keys(letters)
    _, first, found = np.unique(keys, return_index=True, return_inverse=True)
    assert first[found].tolist() == plain_families([row.tobytes().decode() for row in letters])
