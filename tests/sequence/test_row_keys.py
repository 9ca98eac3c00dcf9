import numpy as np

from dreamkeras.sequence.row_keys import row_keys

LETTERS = np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), (1000, 19))


def splitmix(word):
    word ^= word >> 30
    word = word * 0xBF58476D1CE4E5B9 % 2**64
    word ^= word >> 27
    word = word * 0x94D049BB133111EB % 2**64
    return word ^ word >> 31


def test_keys_equal_those_of_a_loop():
    """Held-out sequences are selected by these keys, so different keys would change every split."""
    for row, key in zip(LETTERS[:5], row_keys(LETTERS[:5]).tolist(), strict=True):
        words = [int.from_bytes(row[start : start + 8].tobytes(), "little") for start in (0, 8, 16)]
        mixed = [splitmix((word + place * 0x9E3779B97F4A7C15) % 2**64) for place, word in enumerate(words, 1)]
        assert key == sum(mixed) % 2**64


def test_different_rows_have_different_keys():
    assert len(np.unique(row_keys(LETTERS))) == len(np.unique(LETTERS, axis=0)) == 1000


def test_keys_depend_on_positions():
    assert not np.isin(row_keys(LETTERS, 8), row_keys(LETTERS)).any()
