"""Windows along FASTA files, compared with slices of strings."""

import gzip
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.genome import tiles
from dreamkeras.genome.tiles import Tile, tile_fasta, unknown_rows, window_name


def write(path, contigs, width=7):
    lines = [[f">{name} x", *(text[i : i + width] for i in range(0, len(text), width))] for name, text in contigs.items()]
    path.write_text("\n".join(line for group in lines for line in group) + "\n")
    return str(path)


def tiled(path, width, step, **options):
    batches = list(tile_fasta(path, Tile(width, step), **options))
    return [(name, records.sequences[i]) for records in batches for i, name in enumerate(records.ids)]


def by_hand(contigs, width, step):
    return [
        (f"{name}:{start}-{start + width}", text[start : start + width])
        for name, text in contigs.items()
        for start in range(0, len(text) - width + 1, step)
        if set(text[start : start + width]) - set("Nn")
    ]


@given(
    st.lists(st.text("ACGTNn", max_size=60), min_size=1, max_size=4),
    st.integers(1, 12),
    st.integers(1, 25),
    st.integers(1, 40),
)
def test_windows_are_slices_of_contigs_except_those_of_n_only(tmp_path_factory, texts, width, step, block):
    contigs = {f"c{i}": text for i, text in enumerate(texts)}
    path, wanted = write(tmp_path_factory.mktemp("t") / "g.fa", contigs), by_hand(contigs, width, step)
    if wanted:
        assert tiled(path, width, step, block=block) == wanted
    else:
        with pytest.raises(InputError, match=rf"g\.fa has no window of {width} bases that contains a letter other than N"):
            tiled(path, width, step, block=block)


def test_reverse_windows_are_reverse_complements_with_a_marked_name(tmp_path):
    path = write(tmp_path / "g.fa", {"chr1": "AACGTT"})
    assert tiled(path, 3, 3, reverse=True) == [("chr1:0-3(-)", "GTT"), ("chr1:3-6(-)", "AAC")]


def test_gzip_is_read_and_line_numbers_are_those_of_headers(tmp_path):
    plain = write(tmp_path / "g.fa", {"a": "ACGT" * 5, "b": "GGCC"})
    (tmp_path / "g.fa.gz").write_bytes(gzip.compress((tmp_path / "g.fa").read_bytes()))
    assert tiled(str(tmp_path / "g.fa.gz"), 4, 4) == tiled(plain, 4, 4)
    assert [records.lines.tolist() for records in tile_fasta(plain, Tile(4, 8))] == [[1, 1, 1], [5]]


def test_other_files_are_rejected(tmp_path):
    (tmp_path / "x.bed").write_text("chr1\t0\t4\n")
    with pytest.raises(InputError, match="Expected a FASTA header"):
        tiled(str(tmp_path / "x.bed"), 4, 4)


def test_memory_does_not_depend_on_the_length_of_contigs(tmp_path):
    (tmp_path / "g.fa").write_bytes(b">chr1\n" + (b"ACGTTGCAAC" * 6 + b"\n") * 400_000)
    tracemalloc.start()
    try:
        assert sum(len(records.ids) for records in tile_fasta(str(tmp_path / "g.fa"), Tile(2000, 1000))) == 23_999
        assert tracemalloc.get_traced_memory()[1] < 20e6  # the contig has 24 million bases
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("text", ["200", "200:", ":50", "0:50", "200:0", "-1:5", "a:b", "200:50:1", "2.5:1", ""])
def test_invalid_widths_and_steps_are_rejected(text):
    with pytest.raises(InputError, match=r"Expected WIDTH:STEP, .* got "):
        Tile.parse(text)


def test_the_middles_of_overlapping_windows_are_adjacent():
    assert (Tile(200, 50).middle, Tile(200, 200).middle, Tile(200, 300).middle) == (50, None, None)
    assert Tile(4, 3).starts(5, 15).tolist() == [5, 8, 11]
    assert Tile(4, 3).starts(5, 8).tolist() == []


def test_gaps_are_detected_and_names_are_formatted():
    letters = np.frombuffer(b"NnNNANRNNNNN", np.uint8).reshape(3, 4)
    assert unknown_rows(letters).tolist() == [True, False, True]
    assert window_name("a:b", 1, 2, reverse=True) == "a:b:1-2(-)"


def test_batches_are_limited_and_have_at_least_one_window(tmp_path, monkeypatch):
    path = write(tmp_path / "a.fa", {"c": "ACGTACGTACGT"})
    for letters, sizes in ((3, [1] * 4), (6, [1] * 4), (12, [2, 2]), (1000, [4])):
        monkeypatch.setattr(tiles, "BATCH_LETTERS", letters)
        assert [len(records.ids) for records in tile_fasta(path, Tile(6, 2))] == sizes
