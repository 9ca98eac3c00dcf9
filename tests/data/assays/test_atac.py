"""ATAC-seq examples, compared with the simulated genome that they are read from."""

import dataclasses

import numpy as np
import pyBigWig
import pytest
from atac_simulation import simulate_atac
from filled_pipe import filled_pipe

from dreamkeras.data.assays.atac import atac_assay, read, read_ids
from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.examples import Examples
from dreamkeras.data.splits.hold_out import draw_folds, fold_split, split
from dreamkeras.data.splits.overlap import overlap
from dreamkeras.errors import InputError
from dreamkeras.genome.bed import read_bed
from dreamkeras.genome.signal import Signal
from dreamkeras.statistics.correlation import pearson

LENGTH, PROFILE, JITTER = 300, 100, 20


@pytest.fixture(scope="module")
def simulation(tmp_path_factory):
    return simulate_atac(tmp_path_factory.mktemp("atac"))


@pytest.fixture(scope="module")
def layout(simulation):
    return AtacLayout(simulation.genome, simulation.signal, simulation.nonpeaks, length=LENGTH, profile_length=PROFILE, jitter=JITTER)


@pytest.fixture(scope="module")
def examples(layout, simulation):
    return read(layout, simulation.peaks)


def test_examples_are_peaks_followed_by_non_peaks(examples, simulation):
    middles = [(name, summit) for name, summits in simulation.summits.items() for summit in summits]
    middles += [(name, 1000 * number) for name in simulation.summits for number in range(1, 12)]
    assert examples.ids == [f"{name}:{middle - LENGTH // 2}-{middle + LENGTH // 2}" for name, middle in middles]
    assert examples.is_peak.tolist() == [True] * 48 + [False] * 44


def test_letters_and_reads_are_from_the_genome_and_have_a_margin(examples, simulation):
    assert examples.letters.shape == (92, LENGTH + 2 * JITTER)
    assert examples.profiles.shape == (92, PROFILE + 2 * JITTER)
    assert (examples.letters.dtype, examples.profiles.dtype, examples.margin) == (np.uint8, np.float32, JITTER)
    for name, letters, profile in zip(examples.ids, examples.letters, examples.profiles, strict=True):
        contig, start = name.split(":")[0], int(name.split(":")[1].split("-")[0])
        np.testing.assert_array_equal(letters, simulation.letters[contig][start - JITTER : start + LENGTH + JITTER])
        np.testing.assert_array_equal(profile, simulation.counts[contig][start + 100 - JITTER : start + 200 + JITTER])


def test_targets_are_the_logarithm_of_the_reads_without_the_margin(examples):
    centred = examples.centred()
    assert centred.letters.shape == (92, LENGTH)
    assert centred.profiles.shape == (92, PROFILE)
    np.testing.assert_allclose(examples.targets[:, 0], np.log(1 + centred.profiles.sum(1)), rtol=1e-6)
    assert examples.targets.dtype == np.float32
    assert np.median(examples.targets[examples.is_peak]) > np.median(examples.targets[~examples.is_peak]) + 1


def test_other_fields_are_those_of_the_layout(examples, layout):
    assert examples.flags.shape == (92, 0)
    assert set(examples.lengths.tolist()) == {LENGTH}
    assert examples.construct == layout.construct() == atac_assay(layout).construct
    assert examples.weights is examples.folds is None


def test_the_assay_reads_its_layout(layout, simulation, examples):
    assay = atac_assay(layout)
    assert (assay.name, assay.tasks, assay.profile) == ("atac", ("log_counts",), PROFILE)
    assert assay.read(simulation.peaks).ids == examples.ids


def test_simulated_counts_follow_the_simulated_rates(simulation):
    for name, rates in simulation.rates.items():
        sums = [np.add.reduceat(values, np.arange(0, len(values), 200)) for values in (rates, simulation.counts[name])]
        assert pearson(*sums) > 0.95


def test_non_peaks_are_drawn_with_the_seed_if_there_is_no_file(layout, simulation):
    drawn = read(dataclasses.replace(layout, nonpeaks=None, seed=1), simulation.peaks)
    assert drawn.is_peak.sum() == 48
    assert 20 <= (~drawn.is_peak).sum() <= 48
    again, other = (read(dataclasses.replace(layout, nonpeaks=None, seed=seed), simulation.peaks).ids for seed in (1, 2))
    assert drawn.ids == again != other
    few = read(dataclasses.replace(layout, nonpeaks=None, drawn=0.25), simulation.peaks)
    assert (~few.is_peak).sum() == 12


def test_a_ratio_of_0_gives_peaks_only(layout, simulation):
    assert read(dataclasses.replace(layout, nonpeak_ratio=0, nonpeaks=None), simulation.peaks).is_peak.tolist() == [True] * 48


def test_peaks_on_different_chromosomes_share_no_non_peak(layout, simulation, tmp_path):
    with open(simulation.peaks) as file:
        lines = file.readlines()
    sides = []
    for name in ("chr1\t", "chr2\t"):
        (tmp_path / "peaks.bed").write_text("".join(line for line in lines if line.startswith(name)))
        sides += [read(dataclasses.replace(layout, nonpeaks=nonpeaks), str(tmp_path / "peaks.bed")) for nonpeaks in (None, layout.nonpeaks)]
    assert [{name.split(":")[0] for name in side.ids} for side in sides] == [{"chr1"}, {"chr1"}, {"chr2"}, {"chr2"}]
    assert all((~side.is_peak).any() for side in sides)
    assert not any(overlap(sides[0], sides[2]))


def test_contig_names_may_lack_chr(layout, simulation, tmp_path, examples):
    for name in ("peaks", "nonpeaks"):
        with open(getattr(simulation, name)) as file:
            (tmp_path / name).write_text(file.read().replace("chr", ""))
    found = read(dataclasses.replace(layout, nonpeaks=str(tmp_path / "nonpeaks")), str(tmp_path / "peaks"))
    assert found.ids == examples.ids


def test_windows_beyond_contigs_and_repeated_windows_are_skipped_and_counted(layout, tmp_path):
    layout = dataclasses.replace(layout, nonpeak_ratio=0)
    (tmp_path / "peaks.bed").write_text("chr1\t100\t160\nchr1\t200\t310\nchr1\t210\t300\nchr2\t11900\t12000\nchr1\t140\t160\n")
    found = read(layout, str(tmp_path / "peaks.bed"))
    assert found.ids == ["chr1:105-405", "chr1:0-300"]
    assert found.remarks == (
        (
            f"Read 5 regions of {tmp_path / 'peaks.bed'}; skipped 2 whose windows of 300 bases extend beyond their contig "
            "and 1 with the same window as another region."
        ),
        f"{tmp_path / 'peaks.bed'}: regions are centred on their middle.",
    )
    assert found.letters[1, :JITTER].tobytes() == b"N" * JITTER
    centred = read(layout, str(tmp_path / "peaks.bed")).centred()
    assert b"N" not in centred.letters.tobytes()


def test_remarks_state_centres_and_the_number_of_non_peaks(layout, simulation, capsys):
    counts = [len(read_bed(file).regions.contigs) for file in (simulation.peaks, simulation.nonpeaks)]
    assert read(layout, simulation.peaks).remarks == (
        f"Read {counts[0]} regions of {simulation.peaks}.",
        f"{simulation.peaks}: regions are centred on their summits, from column 10.",
        f"Read {counts[1]} regions of {simulation.nonpeaks}.",
        f"{simulation.nonpeaks}: regions are centred on their middle.",
    )
    drawn = read(dataclasses.replace(layout, nonpeaks=None), simulation.peaks)
    assert drawn.remarks[2:] == (f"Drew {(~drawn.is_peak).sum()} non-peaks at random from {simulation.genome}.",)
    assert capsys.readouterr() == ("", "")


def test_regions_with_ten_columns_of_another_format_are_centred_on_their_middle(layout, tmp_path):
    layout, rows = dataclasses.replace(layout, nonpeak_ratio=0), "chr1\t1000\t1080\tn\t0\t+\tx\ty\tz\t7\n"
    (tmp_path / "ten.bed").write_text(rows)
    assert read(layout, str(tmp_path / "ten.bed")).ids == ["chr1:890-1190"]
    assert read(dataclasses.replace(layout, summits=True), str(tmp_path / "ten.bed")).ids == ["chr1:857-1157"]


@pytest.mark.parametrize(("summits", "middle"), [(None, 5010), (True, 5010), (False, 5040)])
def test_summits_of_non_peaks_are_used_unless_disabled(layout, tmp_path, summits, middle):
    for name, start, peak in (("p", 1000, 7), ("n", 5000, 10)):
        (tmp_path / f"{name}.narrowPeak").write_text(f"chr1\t{start}\t{start + 80}\tx\t0\t.\t1\t2\t3\t{peak}\n")
    layout = dataclasses.replace(layout, nonpeaks=str(tmp_path / "n.narrowPeak"), summits=summits)
    first = middle - LENGTH // 2
    assert read(layout, str(tmp_path / "p.narrowPeak")).ids[1] == f"chr1:{first}-{first + LENGTH}"


def test_ids_equal_those_of_the_examples(layout, simulation, examples):
    found = read_ids(layout, simulation.peaks)
    assert (found.ids, found.is_peak.tolist()) == (examples.ids, examples.is_peak.tolist())
    for one, other in zip(fold_split(found, "chr2"), fold_split(examples, "chr2"), strict=True):
        assert one.ids == other.ids


def test_non_peaks_from_a_pipe_are_rejected(layout, simulation):
    with pytest.raises(InputError, match="got standard input, which can be read only once: non-peaks are read for each file of peaks"):
        read(dataclasses.replace(layout, nonpeaks="-"), simulation.peaks)


def test_peaks_may_be_read_from_a_pipe(layout, simulation, examples):
    with open(simulation.peaks, "rb") as file, filled_pipe(file.read()) as pipe:
        assert read(layout, pipe).ids == examples.ids


@pytest.mark.parametrize(("text", "message"), [
    ("chr1\t0\t10\n", r"No region in .*peaks\.bed has a window of 300 bases within its contig"),
    ("chr9\t500\t510\n", r"Expected a contig of .*genome\.fa \(chr1, chr2, chr3, chr4\), got 'chr9' in .*peaks\.bed, line 1"),
])  # fmt: skip
def test_peaks_without_a_window_are_rejected(layout, tmp_path, text, message):
    (tmp_path / "peaks.bed").write_text(text)
    with pytest.raises(InputError, match=message):
        read(layout, str(tmp_path / "peaks.bed"))


def test_non_peaks_on_other_chromosomes_only_are_rejected(layout, simulation, tmp_path):
    (tmp_path / "peaks.bed").write_text("chr1\t500\t510\n")
    (tmp_path / "nonpeaks.bed").write_text("chr2\t500\t510\n")
    with pytest.raises(InputError, match=r"nonpeaks\.bed has no region on the chromosomes of the peaks in .*peaks\.bed"):
        read(dataclasses.replace(layout, nonpeaks=str(tmp_path / "nonpeaks.bed")), str(tmp_path / "peaks.bed"))


def test_a_signal_of_another_genome_is_rejected(layout, simulation, tmp_path):
    (tmp_path / "genome.fa").write_text(">chr1\n" + "ACGT" * 500 + "\n")
    (tmp_path / "peaks.bed").write_text("chr1\t500\t510\n")
    with pytest.raises(InputError, match=r"Expected contig chr1 to have 2,000 bases, as in .*genome\.fa, got 12,000 bases in .*age\.bw"):
        read(dataclasses.replace(layout, genome=str(tmp_path / "genome.fa")), str(tmp_path / "peaks.bed"))


def test_chromosomes_are_held_out_by_name_and_by_default(examples):
    training, validation = fold_split(examples, "chr3")
    assert len(validation) == 12 + 11
    assert not any(overlap(training, validation))
    training, validation = split(examples, 0.1, seed=4)
    assert len({name.split(":")[0] for name in validation.ids}) == 1
    assert len(training) + len(validation) == len(examples)
    assert not any(overlap(training, validation))


def test_folds_are_complete_chromosomes(examples):
    folds = draw_folds(examples, 4).folds
    chromosomes = np.array([name.split(":")[0] for name in examples.ids])
    assert sorted(len(set(chromosomes[folds == fold])) for fold in range(4)) == [1, 1, 1, 1]
    with pytest.raises(InputError, match="Expected windows on two or more chromosomes"):
        draw_folds(examples, 5)


def test_windows_that_overlap_training_are_counted(examples):
    def moved(by, row):
        contig, place = examples.ids[row].split(":")
        start, end = map(int, place.split("-"))
        return f"{contig}:{start + by}-{end + by}"

    asked = dataclasses.replace(
        examples.select(np.arange(4)), ids=[examples.ids[0], moved(1, 1), moved(-LENGTH + 1, 2), "chr9:" + examples.ids[3].split(":")[1]]
    )
    assert overlap(examples.select(np.arange(10)), asked) == (1, 0, 2)


def test_parts_of_examples_are_joined(examples):
    parts = [examples.select(examples.is_peak), examples.select(~examples.is_peak)]
    joined = Examples.joined(parts)
    assert joined.ids == examples.ids
    np.testing.assert_array_equal(joined.profiles, examples.profiles)


def test_the_simulated_bigwig_contains_the_counts(simulation):
    signal = Signal(simulation.signal)
    for name, counts in simulation.counts.items():
        np.testing.assert_array_equal(signal.windows([name], np.array([0]), len(counts))[0], counts)


def test_contigs_that_the_signal_lacks_have_no_reads(layout, simulation, tmp_path, examples):
    with pyBigWig.open(simulation.signal) as full, pyBigWig.open(str(tmp_path / "x.bw"), "w") as part:
        part.addHeader([("chr1", full.chroms("chr1"))])
        starts, ends, values = zip(*full.intervals("chr1"), strict=True)
        part.addEntries(["chr1"] * len(starts), list(starts), ends=list(ends), values=list(values))
    found = read(dataclasses.replace(layout, signal=str(tmp_path / "x.bw")), simulation.peaks)
    is_there = np.array([name.startswith("chr1:") for name in found.ids])
    assert found.ids == examples.ids
    assert not is_there.all()
    np.testing.assert_array_equal(found.targets[is_there], examples.targets[is_there])
    assert not found.profiles[~is_there].any()
    others = ", ".join(name for name in simulation.summits if name != "chr1")
    windows = f"{(~is_there).sum()} of the 92 windows have 0 reads"
    assert f"{windows}, because {tmp_path / 'x.bw'} lacks their contigs: {others}." in found.remarks


def test_peaks_on_contigs_that_the_genome_lacks_are_skipped(layout, simulation, tmp_path, examples):
    with open(simulation.peaks) as file:
        (tmp_path / "peaks.narrowPeak").write_text(file.read().replace("chr1", "chrUn", 1))
    path = str(tmp_path / "peaks.narrowPeak")
    with pytest.raises(InputError, match="got 'chrUn'"):
        read(layout, path)
    found = read(layout, path, "skip")
    assert found.ids == read_ids(layout, path, "skip").ids == examples.ids[1:]
    assert f"Skipped 1 of the 48 regions in {path}, because {simulation.genome} lacks their contigs: chrUn (1)." in found.remarks
