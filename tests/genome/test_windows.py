"""Regions and tiles of a genome as records, compared with slices of strings."""

import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.genome import windows as windows_module
from dreamkeras.genome.tiles import Tile
from dreamkeras.genome.windows import GenomeWindows, Reader, contig_lengths, default_window, read_windows
from dreamkeras.sequence.alphabet import COMPLEMENT
from dreamkeras.sequence.construct import YEAST, Construct

CONTIGS = {name: "".join(np.random.default_rng(i).choice(list("ACGTacgt"), 90)) for i, name in enumerate(("chr1", "2"))}
BED = "# peaks\nchr1\t10\t20\tp1\t0\t+\nchr2\t0\t30\tp2\t0\t-\nchr1\t5\t9\n"


@pytest.fixture
def genome(tmp_path):
    (tmp_path / "genome.fa").write_text("".join(f">{name}\n{text}\n" for name, text in CONTIGS.items()))
    return str(tmp_path / "genome.fa")


@pytest.fixture
def read(tmp_path, genome):
    def read(bed=BED, **choices):
        (tmp_path / "peaks.bed").write_text(bed)
        batches = list(read_windows([str(tmp_path / "peaks.bed")], GenomeWindows(genome, **choices)))
        return {name: batch.sequences[i] for batch in batches for i, name in enumerate(batch.ids)}

    return read


def turned(text):
    return COMPLEMENT[np.frombuffer(text.encode(), np.uint8)[::-1]].tobytes().decode()


def test_regions_are_read_on_their_strand(read):
    one, two = CONTIGS.values()
    assert read() == {"chr1:10-20": one[10:20], "chr2:0-30(-)": turned(two[:30]), "chr1:5-9": one[5:9]}


@pytest.mark.parametrize(("strand", "mark"), [("forward", ""), ("reverse", "(-)")])
def test_a_given_strand_applies_to_all_regions(read, strand, mark):
    found = read(strand=strand)
    assert list(found) == [f"chr1:10-20{mark}", f"chr2:0-30{mark}", f"chr1:5-9{mark}"]
    text = CONTIGS["2"][:30]
    assert found[f"chr2:0-30{mark}"] == (turned(text) if mark else text)


def test_windows_are_centred_and_padded_with_n_beyond_contigs(read):
    one, two = CONTIGS.values()
    assert read(window=16) == {"chr1:7-23": one[7:23], "chr2:7-23(-)": turned(two[7:23]), "chr1:0-15": "N" + one[:15]}
    assert read("chr1\t80\t90\n", window=40) == {"chr1:65-90": one[65:] + "N" * 15}


def test_tiles_along_regions(read):
    one, two = CONTIGS.values()
    assert read(tile=Tile(10, 10)) == {
        "chr1:10-20": one[10:20],
        **{f"chr2:{i}-{i + 10}(-)": turned(two[i : i + 10]) for i in (0, 10, 20)},
    }
    with pytest.raises(InputError, match=r"The regions in .*peaks\.bed have no window of 40 bases that contains a letter other than N"):
        read(tile=Tile(40, 10))


def test_tiles_of_n_only_are_skipped(tmp_path, genome, read):
    (tmp_path / "genome.fa").write_text(f">chr1\n{'N' * 20}ACGT{'n' * 16}\n")
    assert read("chr1\t0\t40\n", tile=Tile(10, 10)) == {"chr1:20-30": "ACGT" + "n" * 6}


def test_batches_are_limited_and_keep_the_order(read, monkeypatch):
    bed = "".join(f"chr1\t{start}\t{start + 1 + start % 30}\n" for start in range(60))
    whole = read(bed)
    monkeypatch.setattr(windows_module, "BATCH_ROWS", 7)
    monkeypatch.setattr(windows_module, "BATCH_LETTERS", 40)
    assert list(read(bed).items()) == list(whole.items())


def test_line_numbers_are_those_of_the_file(tmp_path, genome):
    (tmp_path / "peaks.bed").write_text(BED)
    (batch,) = read_windows([str(tmp_path / "peaks.bed")], GenomeWindows(genome))
    assert (batch.lines.tolist(), batch.origin(2)) == ([2, 3, 4], f"record 'chr1:5-9' ({tmp_path / 'peaks.bed'}, line 4)")


def test_regions_beyond_their_contig_are_rejected_with_their_line(read):
    with pytest.raises(InputError, match=r"within the 90 bases of chr1 \(.*genome\.fa\), got chr1:80-91 \(.*peaks\.bed, line 2\)"):
        read("chr1\t0\t5\nchr1\t80\t91\n")


def test_without_a_genome_the_files_are_tiled(genome):
    (one, two) = read_windows([genome], GenomeWindows(tile=Tile(30, 30)))
    assert one.ids + two.ids == [f"{name}:{i}-{i + 30}" for name in CONTIGS for i in (0, 30, 60)]
    (first, _) = read_windows([genome], GenomeWindows(tile=Tile(30, 30), strand="reverse"))
    assert (first.ids[0], first.sequences[0]) == ("chr1:0-30(-)", turned(CONTIGS["chr1"][:30]))


@pytest.mark.parametrize(
    ("places", "message"),
    [
        (GenomeWindows(), "need a genome, a tile or both"),
        (GenomeWindows("g.fa", strand="both"), "given, forward, reverse, got 'both'"),
        (GenomeWindows("g.fa", Tile(2, 1), 5), "cannot be combined with a tile"),
        (GenomeWindows(tile=Tile(2, 1), window=5), "cannot be combined with a tile"),
    ],
)
def test_invalid_combinations_are_rejected(places, message):
    with pytest.raises(InputError, match=message):
        next(read_windows(["x"], places))


def test_contig_lengths_are_those_of_the_genome_or_of_all_files(tmp_path, genome):
    (tmp_path / "other.fa").write_text(">chrM\nACG\n")
    tiles = GenomeWindows(tile=Tile(2, 1))
    assert contig_lengths([genome, str(tmp_path / "other.fa")], tiles) == {"chr1": 90, "2": 90, "chrM": 3}
    (tmp_path / "peaks.bed").write_text(BED)
    assert contig_lengths([str(tmp_path / "peaks.bed")], GenomeWindows(genome)) == {"chr1": 90, "chr2": 90}
    (tmp_path / "others.bed").write_text("2\t0\t5\nchrUn\t0\t5\n")
    both = contig_lengths([str(tmp_path / "peaks.bed"), str(tmp_path / "others.bed")], GenomeWindows(genome))
    assert list(both.items()) == [("chr1", 90), ("chr2", 90), ("2", 90)]
    assert contig_lengths([], GenomeWindows(genome)) == {"chr1": 90, "2": 90}
    with pytest.raises(InputError, match=r"got 'chrM' again in .*other\.fa"):
        contig_lengths([str(tmp_path / "other.fa")] * 2, tiles)


def test_the_default_window_is_that_of_constructs_without_surroundings():
    bare, longer = Construct("atac", length=2114), Construct("x", length=300)
    assert default_window([bare]) == 2114
    assert [default_window(constructs) for constructs in ([YEAST], [bare, longer], [bare, YEAST])] == [None, None, None]


def test_remarks_describe_the_use_of_columns(tmp_path, genome):
    (tmp_path / "peaks.bed").write_text(BED)
    remarks = []
    list(read_windows([str(tmp_path / "peaks.bed")], GenomeWindows(genome, window=20), remarks.append))
    assert remarks == [f"{tmp_path / 'peaks.bed'}: regions are centred on their middle."]


LACKING = BED + "chrUn\t1\t5\tp3\nchr2\t85\t91\nchrUn\t7\t9\nchrM\t2\t4\n"


def test_regions_that_are_not_in_the_genome_are_skipped_and_counted(tmp_path, genome, read):
    remarks = []
    (tmp_path / "peaks.bed").write_text(LACKING)
    found = list(read_windows([str(tmp_path / "peaks.bed")], GenomeWindows(genome, on_error="skip"), remarks.append))
    assert [(batch.ids, batch.lines.tolist()) for batch in found] == [(list(read()), [2, 3, 4])]
    bed = tmp_path / "peaks.bed"
    assert remarks == [
        f"Skipped 3 of the 7 regions in {bed}, because {genome} lacks their contigs: chrUn (2), chrM (1).",
        f"Skipped 1 of the 4 regions, because they extend beyond their contig. The first one: chr2:85-91 ({bed}, line 6).",
    ]


def test_a_file_without_a_region_in_the_genome_is_rejected(read):
    with pytest.raises(InputError, match=r"None of the 2 regions in .*peaks\.bed is on a contig of '.*genome\.fa'\."):
        read("chrUn\t0\t5\nchrM\t80\t91\n", on_error="skip")
    with pytest.raises(InputError, match=r"got chr2:80-91 \(.*peaks\.bed, line 1\)"):
        read("chr2\t80\t91\n", on_error="skip")
    with pytest.raises(InputError, match="Expected on_error to be one of fail, skip, got 'ignore'"):
        read(on_error="ignore")


@pytest.mark.parametrize(("tile", "wanted"), [(None, ["p1", "p2", ""]), (Tile(10, 10), ["p1", "p2", "p2", "p2"])])
def test_records_have_the_names_of_the_regions(tmp_path, genome, tile, wanted):
    (tmp_path / "peaks.bed").write_text(BED)
    reader = Reader(GenomeWindows(genome, tile)).with_names([str(tmp_path / "peaks.bed")])
    assert reader.keys == ("name",)
    batches = list(reader.read([str(tmp_path / "peaks.bed")]))
    assert [name for batch in batches for name in batch.names] == wanted
    assert [name for batch in batches for name in batch.select(np.array([0])).names] == [batch.names[0] for batch in batches]


def test_a_dot_is_not_a_name(tmp_path, genome):
    (tmp_path / "peaks.bed").write_text("chr1\t0\t5\tp1\nchr1\t5\t9\t.\n")
    (records,) = Reader(GenomeWindows(genome, names=True)).read([str(tmp_path / "peaks.bed")])
    assert records.names == ["p1", ""]


@pytest.mark.parametrize(
    ("text", "has_names"), [("chr1\t0\t5\n", False), ("chr1\t0\t5\t.\t0\t+\n", False), ("chr1 0 5\nchr1 6 9 p\n", True)]
)
def test_names_are_read_only_if_a_region_has_a_name(tmp_path, genome, text, has_names):
    (tmp_path / "peaks.bed").write_text(text)
    assert bool(Reader(GenomeWindows(genome)).with_names([str(tmp_path / "peaks.bed")]).keys) == has_names
    assert Reader().with_names([str(tmp_path / "peaks.bed")]) == Reader()


def test_lines_of_genomes_and_regions_may_end_with_a_carriage_return(tmp_path, genome, read):
    wanted = read()
    text = "".join(f">{name}\r" + "".join(f"{text[i : i + 8]}\r" for i in range(0, 90, 8)) for name, text in CONTIGS.items())
    (tmp_path / "genome.fa").write_bytes(text.encode())
    assert read() == wanted
    (tmp_path / "peaks.bed").write_bytes(BED.replace("\n", "\r").encode())
    (batch,) = read_windows([str(tmp_path / "peaks.bed")], GenomeWindows(genome))
    assert batch.ids == list(wanted)
