import numpy as np
import pytest
from weight_sum import WeightSum

from dreamkeras.explain import effect_shards
from dreamkeras.explain.effect_shards import mutate_into_shards, shard_parts
from dreamkeras.explain.mutagenesis import mutagenesis
from dreamkeras.scoring.ensemble import Ensemble
from dreamkeras.scoring.shards import Shards
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

SEQUENCES = ("ACGTAC", "GGATCCA", "TTTT", "ACGTACGTACGT", "CAGCAG", "AC!T", "GATTACA")


def records():
    return Records([f"s{i}" for i in range(7)], Ragged.from_strings(SEQUENCES), np.arange(7) + 1, "made.fa")


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(effect_shards, "SHARD", 2)


class Tiring(WeightSum):
    """Model that raises an error after the given number of windows."""

    def __init__(self, until, **options):
        super().__init__(**options)
        self.until = until

    def score_windows(self, windows, *rest):
        if self.asked > self.until:
            raise KeyboardInterrupt
        return super().score_windows(windows, *rest)


@pytest.mark.parametrize("predictor", [WeightSum(tasks=2), Ensemble([WeightSum(tasks=2, seed=1), WeightSum(tasks=2, seed=2)])])
def test_shards_contain_the_effects_of_an_uninterrupted_run(tmp_path, predictor):
    shards = Shards(tmp_path / "shards", {})
    mutate_into_shards(records().batches(rows=3), predictor, shards, deletions=True, on_error="skip")
    parts = list(shard_parts(shards))
    whole = mutagenesis(records().select(np.array([0, 1, 2, 3, 4, 6])), predictor, deletions=True)
    for name in ("reference", "effects", *(["sd"] if whole.sd is not None else [])):
        np.testing.assert_array_equal(np.concatenate([getattr(part.found, name) for part in parts]), getattr(whole, name))
    assert b"".join(part.found.inserts.flat.tobytes() for part in parts) == whole.inserts.flat.tobytes()
    assert [name for part in parts for name in part.found.ids] == whole.ids
    assert [part.skipped.count for part in parts] == [0, 0, 1, 0]
    assert "record 's5'" in parts[2].skipped.reasons[0]
    assert (parts[0].found.sd is None) == (whole.sd is None)


def test_interrupted_work_is_resumed_at_the_next_shard(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        mutate_into_shards([records()], Tiring(80), Shards(tmp_path / "shards", {}), on_error="skip")
    done = Shards(tmp_path / "shards", {})
    assert done.done == 2
    again = WeightSum()
    mutate_into_shards([records()], again, done, on_error="skip")
    assert again.asked == 1 + 3 * 6 + 1 + 3 * 7
    effects = np.concatenate([part.found.effects for part in shard_parts(done)])
    np.testing.assert_array_equal(effects, mutagenesis(records().select(np.array([0, 1, 2, 3, 4, 6])), WeightSum()).effects)
