import numpy as np
import pytest
from weight_sum import PLAIN, WeightSum

from dreamkeras.errors import DreamkerasError
from dreamkeras.explain.motif_files import in_channels, open_meme, open_modisco
from dreamkeras.explain.mutagenesis import mutagenesis
from dreamkeras.explain.seqlets import find_seqlets, seqlet_matrices
from dreamkeras.sequence.alphabet import ONE_HOT
from dreamkeras.sequence.construct import Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

SITE = "GATTACA"


def found_in(*sequences, tasks=1, construct=PLAIN, names=None):
    names = names or [f"s{i}" for i in range(len(sequences))]
    records = Records(names, Ragged.from_strings(sequences), np.arange(len(sequences)) + 1, "made.fa")
    return mutagenesis(records, WeightSum(construct, tasks))


def with_sites():
    """Effects of a weight sum for 40 sequences of 60 letters, with a motif at a random position in each for tools to find."""
    generator = np.random.default_rng(0)
    letters = np.frombuffer(b"ACGT", np.uint8)[generator.integers(0, 4, (40, 60))]
    starts = generator.integers(0, 53, 40)
    weights = generator.normal(0, 0.02, (40, 60, 4)).astype(np.float32)
    for row, start in enumerate(starts):
        letters[row, start : start + len(SITE)] = list(SITE.encode())
        weights[row, start : start + len(SITE)] += 3 * ONE_HOT[list(SITE.encode())] - 0.75
    found = found_in(*[row.tobytes().decode() for row in letters], construct=Construct("long", length=60, strands="given"))
    own = (weights * ONE_HOT[letters]).sum(2, keepdims=True)
    return found._replace(effects=(weights - own).reshape(-1, 4, 1)), starts


class TestModisco:
    def test_arrays_are_n_by_4_by_length_with_zeros_after_an_insert(self, tmp_path):
        found = found_in("ACGTN", "gg", "TTTTTTT", tasks=2)
        with open_modisco(tmp_path / "m", ("dev", "a/b")) as folder:
            folder.write(found)
        names = ["hypothetical.a_b.npz", "hypothetical.dev.npz", "ohe.npz", "sequences.bed"]
        assert sorted(path.name for path in (tmp_path / "m").iterdir()) == names
        one_hot = np.load(tmp_path / "m/ohe.npz")["arr_0"]
        assert one_hot.shape == (3, 4, 8)
        assert one_hot.sum() == 4 + 2 + 7
        np.testing.assert_array_equal(one_hot[0, :, :5].T, ONE_HOT[list(b"ACGTN")])
        hypothetical = np.load(tmp_path / "m/hypothetical.a_b.npz")["arr_0"]
        np.testing.assert_array_equal(hypothetical[1, :, :2].T, found.hypothetical()[5:7, :, 1])
        assert not hypothetical[1, :, 2:].any()

    def test_several_batches_are_written_to_one_array(self, tmp_path):
        with open_modisco(tmp_path / "m", ("y",)) as folder:
            folder.write(found_in("ACGT", names=["a b"]))
            folder.write(found_in("GGG", "TT"))
        assert np.load(tmp_path / "m/hypothetical.npz")["arr_0"].shape == (3, 4, 4)
        assert (tmp_path / "m/sequences.bed").read_text().splitlines() == [f"{name}\t0\t4\t{name}\t0" for name in ("a_b", "s0", "s1")]

    def test_channels_are_transposed_letters(self):
        inserts = Ragged.from_strings(["ACG", "", "T"])
        found = in_channels(inserts, np.arange(16).reshape(4, 4), 3)
        np.testing.assert_array_equal(found[0], np.arange(12).reshape(3, 4).T)
        np.testing.assert_array_equal(found[2, :, 0], [12, 13, 14, 15])
        assert not found[1].any()

    def test_a_folder_that_is_not_empty_is_refused(self, tmp_path):
        (tmp_path / "mine").write_text("x")
        with pytest.raises(DreamkerasError, match="a new or empty folder"), open_modisco(tmp_path, ("y",)):
            pytest.fail("opened")


class TestMeme:
    def test_memelite_reads_each_seqlet_as_a_motif_with_its_position(self, tmp_path):
        io = pytest.importorskip("memelite.io", reason="pip install memelite")
        found, starts = with_sites()
        with open_meme(str(tmp_path / "s.meme")) as file:
            file.write(found)
            file.write(found)
        motifs = io.read_meme(str(tmp_path / "s.meme"))
        seqlets = find_seqlets(found.inserts, found.importance()[:, 0])
        names = [f"s{row}:{start}-{end}" for row, start, end in zip(seqlets.sequences, seqlets.starts, seqlets.ends, strict=True)] * 2
        assert list(motifs) == [f"{name} {number}" for number, name in enumerate(names, 1)]
        wanted = seqlet_matrices(found.inserts, found.hypothetical()[:, :, 0], seqlets)
        for matrix, read in zip(wanted * 2, motifs.values(), strict=True):
            np.testing.assert_allclose(read, matrix.T, atol=1e-6)
        assert (seqlets.starts == starts[seqlets.sequences]).mean() > 0.9

    def test_header_is_that_of_the_format(self, tmp_path):
        with open_meme(str(tmp_path / "s.meme")):
            pass
        lines = (tmp_path / "s.meme").read_text().splitlines()
        assert lines[0] == "MEME version 4"
        assert "ALPHABET= ACGT" in lines
        assert "A 0.25 C 0.25 G 0.25 T 0.25" in lines

    def test_an_error_leaves_no_file(self, tmp_path):
        with pytest.raises(ZeroDivisionError), open_meme(str(tmp_path / "s.meme")):
            raise ZeroDivisionError
        assert list(tmp_path.iterdir()) == []
