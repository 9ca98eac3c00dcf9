"""Values of bigWig files, compared with the values that were written."""

import builtins

import numpy as np
import pyBigWig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamkeras.errors import InputError, MissingPackageError
from dreamkeras.genome.signal import Signal

COUNTS = {name: np.random.default_rng(size).poisson(0.4, size) for name, size in (("chr1", 3000), ("chr2", 40))}


def write(path, counts, lengths=None, zeros=False):
    """Writes a bigWig with intervals of one position. Zeros are omitted unless `zeros` is True."""
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([(name, (lengths or {}).get(name, len(values))) for name, values in counts.items()])
        for name, values in counts.items():
            starts = np.arange(len(values)) if zeros else np.flatnonzero(values)
            file.addEntries(
                [name] * len(starts), starts.tolist(), ends=(starts + 1).tolist(), values=np.asarray(values, float)[starts].tolist()
            )
    return str(path)


@pytest.fixture(scope="module", params=[False, True], ids=["sparse", "dense"])
def signal(request, tmp_path_factory):
    return Signal(write(tmp_path_factory.mktemp("signal") / "x.bw", COUNTS, zeros=request.param))


def by_hand(name, start, length):
    around = np.zeros(4000)
    return np.concatenate([around, COUNTS[name], around])[4000 + start : 4000 + start + length]


@given(st.lists(st.tuples(st.sampled_from(["chr1", "chr2", "1"]), st.integers(-300, 3200)), max_size=5), st.integers(1, 300))
def test_windows_equal_the_written_values_and_are_0_beyond_contigs(signal, places, length):
    windows = signal.windows([name for name, _ in places], np.array([start for _, start in places], int), length)
    assert windows.dtype == np.float32
    assert windows.shape == (len(places), length)
    for row, (name, start) in zip(windows, places, strict=True):
        np.testing.assert_array_equal(row, by_hand("chr1" if name == "1" else name, start, length))


def test_intervals_of_several_positions_apply_to_each_position(tmp_path):
    with pyBigWig.open(str(tmp_path / "x.bw"), "w") as file:
        file.addHeader([("chr1", 10)])
        file.addEntries(["chr1"] * 2, [1, 6], ends=[4, 8], values=[2.0, 0.5])
    assert Signal(str(tmp_path / "x.bw")).windows(["chr1"], np.array([0]), 10).tolist() == [[0, 2, 2, 2, 0, 0, 0.5, 0.5, 0, 0]]


def test_contig_names_may_lack_chr(signal):
    signal.check_genome({"chr1": 3000, "2": 40}, "genome.fa")


@pytest.mark.parametrize(("lengths", "message"), [
    ({"chr1": 3001}, r"Expected contig chr1 to have 3,001 bases, as in genome\.fa, got 3,000 bases in '.*x\.bw'\. Use files of the same"),
    ({"chr3": 10}, r"Expected a contig of .*x\.bw \(chr1, chr2\), got 'chr3'"),
])  # fmt: skip
def test_another_genome_is_rejected(signal, lengths, message):
    with pytest.raises(InputError, match=message):
        signal.check_genome(lengths, "genome.fa")


def test_contigs_that_the_file_lacks_are_0_and_reported(signal):
    assert signal.windows(["chr3", "chr1"], np.array([0, 0]), 4).tolist() == [[0, 0, 0, 0], by_hand("chr1", 0, 4).tolist()]
    assert signal.check_genome({"chr3": 10, "2": 40, "chr4": 10}, "genome.fa") == ["chr3", "chr4"]


@pytest.mark.parametrize(("value", "told"), [(-2.0, "-2"), (np.inf, "inf"), (-np.inf, "-inf"), (3e38, r"3e\+38")])
def test_invalid_values_are_reported_with_their_position(tmp_path, value, told):
    path = write(tmp_path / "x.bw", {"chr1": [1, 0, 3, value, 1]})
    with pytest.raises(InputError, match=rf"Expected a number of reads between 0 and 1e\+30, got {told} at chr1:3 \(.*x\.bw\)"):
        Signal(path).windows(["chr1"], np.array([0]), 5)


@pytest.mark.parametrize("path", ["-", "/dev/fd/63"])
def test_a_pipe_is_rejected(path):
    with pytest.raises(InputError, match="which can be read only once: windows are read at any position"):
        Signal(path)


def test_nan_is_read_as_0(tmp_path):
    path = write(tmp_path / "x.bw", {"chr1": [1, 0, 3, np.nan, 1]})
    assert Signal(path).windows(["chr1"], np.array([0]), 5).tolist() == [[1, 0, 3, 0, 1]]


def test_other_files_are_rejected_without_output_of_pybigwig(tmp_path, capfd):
    (tmp_path / "x.bed").write_text("chr1\t1\t2\n")
    with pytest.raises(InputError, match=r"^Expected a bigWig file, got a text file: .*x\.bed\.$"):
        Signal(str(tmp_path / "x.bed"))
    with pytest.raises(InputError, match=r"Cannot read .*none\.bw: No such file"):
        Signal(str(tmp_path / "none.bw"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("size", [10, 40, 400, 1500])
def test_truncated_files_are_rejected_without_output_of_pybigwig(tmp_path, size, capfd):
    path = tmp_path / "x.bw"
    write(path, COUNTS)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(InputError, match=r"Truncated bigWig file: .*x\.bw"):
        Signal(str(path))
    assert capfd.readouterr() == ("", "")


def test_damaged_files_are_rejected(tmp_path):
    path = tmp_path / "x.bw"
    write(path, COUNTS)
    data = bytearray(path.read_bytes())
    data[-2500:] = bytes(2500)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"Damaged bigWig file: .*x\.bw"):
        Signal(str(path)).windows(["chr1"], np.array([0]), 2000)


def test_without_pybigwig_the_error_names_the_extra(signal, monkeypatch):
    imported = builtins.__import__

    def no_pybigwig(name, *rest, **more):
        if name == "pyBigWig":
            raise ImportError(name)
        return imported(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", no_pybigwig)
    with pytest.raises(MissingPackageError, match=r"Missing package: pyBigWig for bigWig files\. .*pip install 'dreamkeras\[atac\]'"):
        Signal(signal.path)
