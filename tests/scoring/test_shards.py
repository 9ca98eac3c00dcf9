import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.scoring.shards import Shard, Shards, describe_work, in_shards, join_shards, open_shards
from dreamkeras.scoring.skipped import Skipped
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records


def shard(*names, skipped=0):
    return Shard(
        list(names), np.arange(2 * len(names), dtype=np.float32).reshape(-1, 2), Skipped(skipped, tuple(f"why {i}" for i in range(skipped)))
    )


def same(one, other):
    return one.ids == other.ids and np.array_equal(one.values, other.values) and one.skipped == other.skipped


def records(*names):
    return Records(list(names), Ragged.from_strings(name * 3 for name in names), np.arange(len(names)), "x.fa")


def test_shards_round_trip(tmp_path):
    kept = [shard("a", "bé\t", "", skipped=2), Shard([], np.empty((0, 2), np.float32), Skipped(5)), shard("z")]
    shards = Shards(tmp_path / "work", {"model": "m"})
    for part in kept:
        shards.add(part)
    again = Shards(tmp_path / "work", {"model": "m"})
    assert again.done == 3
    assert all(map(same, again, kept))
    again.remove()
    assert not (tmp_path / "work").exists()


def test_an_empty_folder_is_removed_at_the_end(tmp_path):
    output = str(tmp_path / "o.tsv")
    with open_shards(output, {}) as shards:
        assert shards.folder.is_dir()
    assert not shards.folder.exists()
    with open_shards(output, {}) as shards:
        shards.add(shard("a"))
    assert [part.ids for part in Shards(shards.folder, {})] == [["a"]]


def test_additional_arrays_round_trip(tmp_path):
    shards = Shards(tmp_path / "work", {})
    shards.add(shard("a")._replace(others={"letters": np.array([65], np.uint8), "values": np.ones((2, 3, 4), np.float32)}))
    shards.add(shard("b"))
    first, second = shards
    assert {name: (array.dtype, array.shape) for name, array in first.others.items()} == {
        "letters": ("u1", (1,)),
        "values": ("f4", (2, 3, 4)),
    }
    assert second.others == {}


def test_other_work_is_refused_and_named(tmp_path):
    Shards(tmp_path / "work", {"model": "m", "input": ["a"], "columns": ("x",)}).add(shard("a"))
    Shards(tmp_path / "work", {"model": "m", "input": ["a"], "columns": ["x"]})
    with pytest.raises(InputError, match=r"another input and model\. .*remove .*work, or choose"):
        Shards(tmp_path / "work", {"model": "n", "input": ["b"], "columns": ["x"]})
    (tmp_path / "work" / "manifest.json").write_text("[")
    with pytest.raises(InputError, match=r"Cannot read the manifest .*manifest\.json of an unfinished prediction"):
        Shards(tmp_path / "work", {})


def test_a_folder_without_shards_may_be_used_for_other_work(tmp_path):
    Shards(tmp_path / "work", {"input": "with a mistake"})
    Shards(tmp_path / "work", {"input": "mended"}).add(shard("a"))
    assert Shards(tmp_path / "work", {"input": "mended"}).done == 1


def test_shards_after_a_missing_one_are_not_counted_as_done(tmp_path):
    shards = Shards(tmp_path / "work", {})
    for name in "abc":
        shards.add(shard(name))
    (tmp_path / "work" / "00000001.npz").unlink()
    assert Shards(tmp_path / "work", {}).done == 1


@given(st.lists(st.integers(1, 7), max_size=8), st.integers(1, 6), st.integers(0, 4))
def test_shards_do_not_depend_on_the_batches(sizes, size, done):
    names = [str(i) for i in range(sum(sizes))]
    ends = np.cumsum([0, *sizes])
    batches = [records(*names[first:last]) for first, last in itertools.pairwise(ends)]
    told = []
    came = [[name for piece in pieces for name in piece.ids] for pieces in in_shards(batches, size, done, told.append)]
    assert came == [names[first : first + size] for first in range(done * size, len(names), size)]
    assert sum(told) == min(done * size, len(names))


def test_parts_of_batches_keep_sequences_and_lines():
    (pieces,) = in_shards([records("a", "b", "c"), records("d")], 2, 1)
    assert [(piece.ids, piece.sequences[0], piece.lines.tolist()) for piece in pieces] == [(["c"], "ccc", [2]), (["d"], "ddd", [0])]


def test_joined_shards_keep_the_first_reasons():
    joined = join_shards([shard("a", skipped=2), shard("b", "c", skipped=4)])
    assert (joined.ids, joined.skipped) == (["a", "b", "c"], Skipped(6, ("why 0", "why 1", "why 0", "why 1", "why 2")))
    assert joined.values.shape == (3, 2)


def test_manifest_depends_on_the_contents_of_files(tmp_path):
    model, data = tmp_path / "model.onnx", tmp_path / "in.fa"
    model.write_bytes(b"m")
    data.write_bytes(b">a\nACGT\n")
    described = describe_work([str(tmp_path)], [str(data)], ["x"], [None])
    assert described == describe_work([str(model)], [str(data)], ["x"], [None])
    data.write_bytes(b">a\nACGG\n")
    assert described != describe_work([str(tmp_path)], [str(data)], ["x"], [None])
    with pytest.raises(InputError, match="File not found: gone"):
        describe_work([str(model)], ["gone"], [], [])
