"""Non-peaks drawn from genomes of known GC content."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from dreamkeras.data.assays.nonpeaks import draw_nonpeaks, gc_content
from dreamkeras.errors import InputError
from dreamkeras.genome.reference import Genome
from dreamkeras.genome.regions import Regions

LENGTH = 100


def genome_of(folder, contigs):
    path = folder / "genome.fa"
    path.write_text("".join(f">{name}\n{letters}\n" for name, letters in contigs.items()))
    return Genome(str(path))


def patchy(length, generator):
    """Returns a random sequence in stretches of 500 bases, whose GC content varies between 0.2 and 0.8."""
    shares = np.repeat(generator.uniform(0.2, 0.8, length // 500), 500)
    is_gc, first = generator.random(length) < shares, generator.random(length) < 0.5
    return "".join(np.where(is_gc, np.where(first, "G", "c"), np.where(first, "A", "t")))


def peaks_at(places):
    contigs, middles = zip(*places, strict=True)
    middles = np.array(middles, np.int64)
    return Regions(list(contigs), middles - 60, middles + 70, middles)


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    generator = np.random.default_rng(0)
    contigs = {name: patchy(200_000, generator) for name in ("chr1", "chr2", "chr3")}
    return genome_of(tmp_path_factory.mktemp("genome"), contigs)


@pytest.fixture(scope="module")
def peaks(genome):
    """Two hundred regions on chr1 and chr2 with high GC content."""
    places = np.arange(300, 199_000, 200)
    found = []
    for name in ("chr1", "chr2"):
        content = gc_content(genome.windows([name] * len(places), places - LENGTH // 2, LENGTH))
        found += [(name, int(place)) for place in places[np.argsort(-content)[:300]]][::3]
    return peaks_at(found)


@pytest.fixture(scope="module")
def drawn(genome, peaks):
    return draw_nonpeaks(genome, peaks, 150, LENGTH, seed=1)


def test_the_requested_number_of_windows_is_drawn(drawn):
    assert len(drawn.contigs) == 150
    assert (drawn.ends - drawn.starts == LENGTH).all()
    np.testing.assert_array_equal(drawn.windows(LENGTH).starts, drawn.starts)


def test_non_peaks_are_on_contigs_of_peaks_and_overlap_nothing(genome, drawn, peaks):
    assert set(drawn.contigs) == {"chr1", "chr2"}
    assert drawn.on(genome.lengths).all()
    assert not drawn.overlapping(peaks).any()
    assert not drawn.overlapping(peaks.windows(LENGTH)).any()
    assert all(not drawn.select(np.array([row])).overlapping(drawn.select(np.arange(150) != row)).any() for row in range(150))


def test_non_peaks_have_the_gc_content_of_peaks(genome, drawn, peaks):
    around = peaks.windows(LENGTH)
    content, wanted = (gc_content(genome.windows(these.contigs, these.starts, LENGTH)) for these in (drawn, around))
    everywhere = gc_content(genome.windows(["chr1"] * 1999, np.arange(1999) * LENGTH, LENGTH))
    assert ks_2samp(content, wanted).pvalue > 0.05
    assert ks_2samp(content, everywhere).pvalue < 1e-9
    assert abs(content.mean() - wanted.mean()) < 0.01


def test_non_peaks_depend_on_the_seed(genome, peaks, drawn):
    assert draw_nonpeaks(genome, peaks, 150, LENGTH, seed=1).names == drawn.names
    assert draw_nonpeaks(genome, peaks, 150, LENGTH, seed=2).names != drawn.names


def test_missing_gc_content_is_replaced_by_the_nearest(tmp_path):
    genome = genome_of(tmp_path, {"a": "GC" * 50 + "AT" * 200 + "GA" * 400})
    drawn = draw_nonpeaks(genome, peaks_at([("a", 50)]), 4, 20)
    content = gc_content(genome.windows(drawn.contigs, drawn.starts, 20))
    np.testing.assert_allclose(content, 0.5, atol=0.26)  # a tile may extend over the border between two stretches


def test_a_small_genome_gives_fewer_windows(tmp_path):
    genome = genome_of(tmp_path, {"a": "ACGT" * 100})
    drawn = draw_nonpeaks(genome, peaks_at([("a", 200)]), 1000, 20)
    assert 10 <= len(drawn.contigs) <= 14
    assert len(set(drawn.names)) == len(drawn.names)


def test_windows_with_unknown_bases_are_not_drawn(tmp_path):
    genome = genome_of(tmp_path, {"a": "ACGT" * 50 + "N" * 1000 + "ACGTacgt" * 20})
    drawn = draw_nonpeaks(genome, peaks_at([("a", 100)]), 1000, 20)
    assert drawn.names
    assert b"N" not in genome.windows(drawn.contigs, drawn.starts, 20).tobytes()


@pytest.mark.parametrize("letters", ["ACGT" * 20, "N" * 5000, "ACGT" * 5])
def test_a_genome_without_windows_away_from_peaks_is_rejected(tmp_path, letters):
    genome = genome_of(tmp_path, {"a": letters, "b": "ACGT" * 1000})
    with pytest.raises(InputError, match=r"genome\.fa has no window of 30 bases away from the peaks\. Name a BED file of non-peaks"):
        draw_nonpeaks(genome, peaks_at([("a", 20)]), 5, 30)


def test_gc_content_ignores_case_and_unknown_bases():
    letters = np.frombuffer(b"GCgcSATNNNCGATTAAAAA", np.uint8).reshape(4, 5)
    assert gc_content(letters).tolist() == [1, 0, 0.4, 0]
