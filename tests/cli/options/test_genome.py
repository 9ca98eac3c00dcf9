"""Tests of commands on regions and tiles of a genome, against base counts that are computed independently."""

import gzip
import json
import os
import re

import numpy as np
import pyBigWig
import pytest
from toy_models import count, write_toy_model

from dreamkeras.sequence.construct import Construct

CONTIGS = {name: "".join(np.random.default_rng(i).choice(list("ACGT"), 50)) for i, name in enumerate(("chr1", "chr2"))}


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text("".join(f">{name}\n{text}\n" for name, text in CONTIGS.items()))
    return path


@pytest.fixture
def bed(tmp_path):
    (tmp_path / "peaks.bed").write_text("chr1\t10\t16\t.\t.\t+\nchr2\t20\t28\t.\t.\t-\n")
    return tmp_path / "peaks.bed"


@pytest.fixture
def surrounded(tmp_path):
    """A toy model whose construct has an adapter. The bases of the adapter are also counted."""
    pytest.importorskip("onnx")
    return write_toy_model(tmp_path / "s.onnx", Construct("s", length=16, left_adapter="TTTT", right_adapter="TTTT", strands="given"))


CENTRED = "peaks.bed: regions are centred on their middle.\n"


def table(result, said=""):
    rows = result.stdout.splitlines()[1:]
    read = f"Read {len(rows)} record{'s' * (len(rows) != 1)}.\n"
    assert (result.exit_code, result.stderr.rpartition("/")[2]) == (0, said + read)
    return {name: [float(value) for value in values] for name, *values in (row.split("\t") for row in rows)}


def turned(text):
    return text[::-1].translate(str.maketrans("ACGT", "TGCA"))


def test_regions_are_scored_in_the_window_of_the_model(run, toy_model, genome, bed):
    one, two = CONTIGS.values()
    wanted = {"chr1:7-19": count(one[7:19]), "chr2:18-30(-)": count(turned(two[18:30]))}
    assert table(run("predict", bed, "--genome", genome, "-m", toy_model), CENTRED) == wanted


def test_regions_themselves_are_scored_if_the_construct_has_flanks(run, surrounded, genome, bed):
    one, two = CONTIGS.values()
    result = run("predict", bed, "--genome", genome, "-m", surrounded, "--strand", "forward")
    assert table(result) == {"chr1:10-16": count(one[10:16]), "chr2:20-28": count(two[20:28])}


def test_the_window_length_can_be_set(run, toy_model, genome, bed):
    result = run("predict", bed, "--genome", genome, "-m", toy_model, "--window", "6")
    assert list(table(result, CENTRED)) == ["chr1:10-16", "chr2:21-27(-)"]


TEN = "chr1\t10\t20\tn\t0\t+\tx\ty\tz\t8\n"
NARROW = TEN.replace("x\ty\tz", "1\t2\t3")


@pytest.mark.parametrize(
    ("rows", "args", "window", "said"),
    [
        (
            TEN,
            (),
            "chr1:12-18",
            "middle, because the file is not narrowPeak (line 1 has 'x' in column 7). Use --summits if column 10 holds summits.\n",
        ),
        (TEN.replace("8", "foo"), (), "chr1:12-18", "middle, because the file is not narrowPeak (line 1 has 'x' in column 7)"),
        (NARROW, (), "chr1:15-21", "regions are centred on their summits, from column 10.\n"),
        (NARROW + TEN.replace("10\t20", "30\t40"), (), "chr1:12-18", "not narrowPeak (line 2 has 'x' in column 7)"),
        (TEN, ("--summits",), "chr1:15-21", "regions are centred on their summits, from column 10.\n"),
        (NARROW, ("--no-summits",), "chr1:12-18", "regions are centred on their middle.\n"),
    ],
)
@pytest.mark.parametrize("dry", [False, True])
def test_the_centre_of_windows_is_chosen_once_and_reported(run, toy_model, genome, bed, rows, args, window, said, dry):
    bed.write_text(rows)
    result = run("predict", bed, "--genome", genome, "-m", toy_model, "--window", "6", *args, *["--dry-run"] * dry)
    assert (result.exit_code, result.stderr.count("\n"), said in result.stderr) == (0, 1 if dry else 2, True)
    assert dry or result.stdout.splitlines()[1].startswith(f"{window}\t")


def test_a_column_6_without_strands_is_reported(run, toy_model, genome, bed):
    bed.write_text("chr1\t10\t16\t-\t-\t-\n")
    for args, told in (((), True), (("--strand", "forward"), False)):
        result = run("predict", bed, "--genome", genome, "-m", toy_model, *args)
        assert result.stdout.splitlines()[1].startswith("chr1:7-19\t")
        assert ("all regions are read from the forward strand, because column 6 holds no strands" in result.stderr) is told


def test_an_unfit_region_is_an_error_or_skipped(run, surrounded, genome, bed):
    bed.write_text("chr1\t0\t30\nchr1\t2\t8\n")
    failed = run("predict", bed, "--genome", genome, "-m", surrounded)
    assert (failed.exit_code, "got 30 in record 'chr1:0-30'" in failed.stderr, "peaks.bed, line 1" in failed.stderr) == (1, True, True)
    skipped = run("predict", bed, "--genome", genome, "-m", surrounded, "--on-error", "skip")
    assert (skipped.exit_code, skipped.stdout.splitlines()[1].split("\t")[0]) == (0, "chr1:2-8")


@pytest.mark.parametrize("strand", ["forward", "reverse"])
def test_a_gzipped_genome_is_tiled(run, toy_model, genome, tmp_path, strand):
    (tmp_path / "g.fa.gz").write_bytes(gzip.compress(genome.read_bytes()))
    found = table(run("predict", tmp_path / "g.fa.gz", "--tile", "12:5", "-m", toy_model, "--strand", strand))
    read, mark = (turned, "(-)") if strand == "reverse" else (str, "")
    assert found == {f"{name}:{i}-{i + 12}{mark}": count(read(text[i : i + 12])) for name, text in CONTIGS.items() for i in range(0, 39, 5)}


def test_regions_are_tiled(run, toy_model, genome, bed):
    bed.write_text("chr2\t3\t25\n")
    found = table(run("predict", bed, "--genome", genome, "--tile", "10:6", "-m", toy_model))
    assert found == {f"chr2:{i}-{i + 10}": count(CONTIGS["chr2"][i : i + 10]) for i in (3, 9, 15)}


def test_bigwig_of_tiles_has_the_middle_of_each_tile(run, toy_model, genome, tmp_path):
    result = run("predict", genome, "--tile", "12:4", "-m", toy_model, "-o", tmp_path / "gc.bw", "--column", "gc")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Read 20 records.\n")
    file = pytest.importorskip("pyBigWig").open(str(tmp_path / "gc.bw"))
    assert file.chroms() == dict.fromkeys(CONTIGS, 50)
    for name, text in CONTIGS.items():
        assert file.intervals(name) == tuple((i + 4, i + 8, count(text[i : i + 12])[0]) for i in range(0, 39, 4))
    file.close()


@pytest.mark.parametrize("resume", [False, True])
def test_bedgraph_of_regions_with_and_without_resume(run, toy_model, genome, bed, tmp_path, resume):
    output = tmp_path / "a.bedgraph"
    result = run("predict", bed, "--genome", genome, "-m", toy_model, "-o", output, "--column", "a", *["--resume"] * resume)
    assert (result.exit_code, result.stderr.rpartition("/")[2]) == (0, f"{CENTRED}Read 2 records.\n")
    numbers = [count(text)[1] for text in (CONTIGS["chr1"][7:19], turned(CONTIGS["chr2"][18:30]))]
    assert output.read_text() == f"chr1\t7\t19\t{numbers[0]:g}\nchr2\t18\t30\t{numbers[1]:g}\n"


def test_bedgraph_to_standard_output(run, toy_model, genome):
    result = run("predict", genome, "--tile", "12:38", "-m", toy_model, "--format", "bedgraph", "--column", "gc")
    assert result.stdout.splitlines()[1] == f"chr1\t38\t50\t{count(CONTIGS['chr1'][38:])[0]:g}"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--window", "5"], "--window requires --genome FASTA."),
        (["--strand", "reverse"], "--strand requires --genome FASTA or --tile WIDTH:STEP."),
        (["--tile", "5:1", "--window", "5"], "--window requires --genome FASTA and cannot be combined with --tile."),
        (["--tile", "5:1", "--id-column", "x"], "--id-column requires a table"),
        (["--tile", "5:1", "--summits"], "--summits requires --genome FASTA and cannot be combined with --tile."),
        (["--no-summits"], "--summits requires --genome FASTA."),
        (["--tile", "5:1", "--column", "gc"], "--column requires a bedGraph or bigWig file as output"),
        (["--strand", "both"], "'both' is not one of"),
        (["--tile", "5x1"], "Invalid value for '--tile': Expected WIDTH:STEP"),
    ],
)
def test_conflicting_options_are_refused(run, toy_model, genome, args, message):
    result = run("predict", genome, "-m", toy_model, *args)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--tile", "12:4", "--format", "bigwig"], "Choose one of the columns gc, a"),
        (["--format", "bigwig", "--column", "gc"], "needs the lengths of contigs"),
    ],
)
def test_other_errors_are_one_line(run, toy_model, genome, tmp_path, args, message):
    result = run("predict", genome, "-m", toy_model, "-o", tmp_path / "o", *args)
    assert (result.exit_code, message in result.stderr, result.stderr.count("\n")) == (1, True, 1), result.stderr
    assert not (tmp_path / "o").exists()


def test_a_genome_changed_in_its_middle_is_not_resumed(run, toy_model, tmp_path, monkeypatch):
    """The first and last two megabytes are unchanged."""
    genome, text = tmp_path / "large.fa", ">chr1\n" + "A" * 3_000_000 + "\n"
    genome.write_text(text)
    (tmp_path / "r.bed").write_text("chr1\t1500000\t1500012\n")
    command = ["predict", tmp_path / "r.bed", "--genome", genome, "-m", toy_model, "-o", tmp_path / "o.tsv", "--resume"]
    with monkeypatch.context() as patched:
        patched.setattr("dreamkeras.scoring.shards.Shards.remove", lambda _: None)
        assert run(*command).exit_code == 0
    genome.write_text(text[:1_500_006] + "C" * 12 + text[1_500_018:])
    os.utime(genome, ns=(1, 1))
    result = run(*command)
    assert (result.exit_code, "started with another input" in result.stderr) == (1, True)


def test_another_genome_is_not_resumed(run, toy_model, genome, bed, tmp_path, monkeypatch):
    command = ["predict", bed, "--genome", genome, "-m", toy_model, "-o", tmp_path / "o.tsv", "--resume"]
    with monkeypatch.context() as patched:
        patched.setattr("dreamkeras.scoring.pipeline.write_parts", lambda *parts: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run(*command)
    genome.write_text(genome.read_text().replace("A", "C"))
    result = run(*command)
    assert (result.exit_code, "started with another input" in result.stderr) == (1, True), result.stderr


def test_names_of_regions_are_a_column_of_tables(run, toy_model, genome, bed, tmp_path):
    bed.write_text("1\t10\t16\tp1\t.\t+\nchr2\t20\t28\tp2\t.\t-\n")
    for args in ((), ("--resume", "-o", tmp_path / "p.tsv")):
        result = run("predict", bed, "--genome", genome, "-m", toy_model, *args)
        rows = [row.split("\t") for row in ((tmp_path / "p.tsv").read_text() if args else result.stdout).splitlines()]
        assert [row[:2] for row in rows] == [["id", "name"], ["1:7-19", "p1"], ["chr2:18-30(-)", "p2"]]
        assert [float(cell) for cell in rows[1][2:]] == count(CONTIGS["chr1"][7:19])
    piped = run("predict", "-", "--genome", genome, "-m", toy_model, "--format", "jsonl", stdin=bed.read_text())
    assert [json.loads(line)["name"] for line in piped.stdout.splitlines()] == ["p1", "p2"]


@pytest.mark.parametrize("suffix", ["bedgraph", "bw"])
def test_tracks_have_the_contigs_of_the_regions(run, toy_model, genome, bed, tmp_path, suffix):
    bed.write_text("1\t10\t16\tp1\nchr2\t46\t50\tp2\n")
    path = tmp_path / f"p.{suffix}"
    result = run("predict", bed, "--genome", genome, "-m", toy_model, "--column", "gc", "-o", path)
    assert result.exit_code == 0, result.stderr
    if suffix == "bw":
        with pyBigWig.open(str(path)) as file:
            assert file.chroms() == {"1": 50, "chr2": 50}
            assert [file.intervals(name)[0][:2] for name in ("1", "chr2")] == [(7, 19), (42, 50)]
    else:
        assert [row.split("\t")[:3] for row in path.read_text().splitlines()] == [["1", "7", "19"], ["chr2", "42", "50"]]


@pytest.mark.parametrize(("command", "dry"), [("predict", False), ("predict", True), ("mutagenesis", False), ("ablate", False)])
def test_regions_that_are_not_in_the_genome_are_skipped(run, toy_model, genome, bed, command, dry):
    bed.write_text("chrUn\t10\t16\nchr1\t10\t16\nchr2\t48\t52\n")
    args = (command, bed, "--genome", genome, "-m", toy_model, *["--dry-run"] * dry)
    refused = run(*args)
    assert (refused.exit_code, "got 'chrUn' in" in refused.stdout + refused.stderr) == (1, True)
    result = run(*args, "--on-error", "skip")
    assert (result.exit_code, "chr1:7-19" in result.stdout) == (0, not dry)
    assert f"Skipped 1 of the 3 regions in {bed}, because {genome} lacks their contigs: chrUn (1).\n" in result.stderr
    assert "Skipped 1 of the 2 regions, because they extend beyond their contig. The first one: chr2:48-52 (" in result.stderr


class TestWindowsBeyondAContig:
    """Windows of 12 bases, of which the first begins before its contig and the last two end behind their contigs."""

    REGIONS = "chr1\t0\t4\t.\t.\t+\nchr1\t0\t4\t.\t.\t-\nchr1\t46\t50\t.\t.\t-\nchr2\t46\t50\t.\t.\t+\n"
    NAMES = ("chr1:0-8", "chr1:0-8(-)", "chr1:42-50(-)", "chr2:42-50")

    @pytest.fixture
    def ends(self, tmp_path):
        (tmp_path / "ends.bed").write_text(self.REGIONS)
        return tmp_path / "ends.bed"

    def rows(self, result):
        assert result.exit_code == 0, result.stderr
        header, *rows = (line.split("\t") for line in result.stdout.splitlines())
        return [dict(zip(header, row, strict=True)) for row in rows]

    def place(self, name, position):
        """Returns the base at a position, counted from 0, of a named region."""
        contig, first, last = re.fullmatch(r"(chr\d):(\d+)-(\d+)(?:\(-\))?", name).groups()
        text = CONTIGS[contig][int(first) : int(last)]
        return (turned(text) if name.endswith("(-)") else text)[position]

    def test_names_are_regions_within_the_contig(self, run, toy_model, genome, ends):
        assert (
            tuple(table(run("predict", ends, "--genome", genome, "-m", toy_model), "ends.bed: regions are centred on their middle.\n"))
            == self.NAMES
        )

    def test_positions_are_counted_from_the_beginning_of_the_named_region(self, run, toy_model, genome, ends):
        rows = self.rows(run("mutagenesis", ends, "--genome", genome, "-m", toy_model))
        assert list(dict.fromkeys(row["id"] for row in rows)) == list(self.NAMES)
        assert [(row["id"], int(row["position"])) for row in rows[::3]] == [(name, place) for name in self.NAMES for place in range(1, 9)]
        assert [row["ref"] for row in rows] == [self.place(row["id"], int(row["position"]) - 1) for row in rows]

    def test_a_span_has_the_positions_of_the_named_region(self, run, toy_model, genome, ends):
        rows = self.rows(run("mutagenesis", ends, "--genome", genome, "-m", toy_model, "--span", "4:6"))
        wanted = {name: [4, 5, 6] for name in self.NAMES}
        assert {name: sorted({int(row["position"]) for row in rows if row["id"] == name}) for name in self.NAMES} == wanted

    def test_ablated_spans_are_positions_of_the_named_region(self, run, toy_model, genome, ends):
        rows = self.rows(run("ablate", ends, "--genome", genome, "-m", toy_model, "--method", "unknown", "--window", 3, "--step", 3))
        assert [(row["id"], row["start"], row["end"]) for row in rows[:3]] == [
            ("chr1:0-8", *place) for place in (("0", "3"), ("3", "6"), ("5", "8"))
        ]
        for row in rows:
            lost = count("".join(self.place(row["id"], place) for place in range(int(row["start"]), int(row["end"]))))
            assert [float(row["gc_effect"]), float(row["a_effect"])] == [-value for value in lost]


class TestExplanationsOfRegions:
    def test_mutagenesis_of_regions_equals_mutagenesis_of_their_sequences(self, run, toy_model, genome, bed, tmp_path):
        one, two = CONTIGS.values()
        (tmp_path / "same.fa").write_text(f">chr1:7-19\n{one[7:19]}\n>chr2:18-30(-)\n{turned(two[18:30])}\n")
        same = run("mutagenesis", tmp_path / "same.fa", "-m", toy_model)
        result = run("mutagenesis", bed, "--genome", genome, "-m", toy_model)
        assert (result.exit_code, result.stdout) == (0, same.stdout)
        assert result.stderr.rpartition("/")[2] == CENTRED + "Read 2 records.\n"

    @pytest.mark.parametrize(("command", "window"), [("mutagenesis", "--window"), ("ablate", "--region-window")])
    def test_windows_strands_and_tiles_are_those_of_predict(self, run, toy_model, genome, bed, command, window):
        for args in (["--window", 6, "--strand", "reverse"], ["--tile", "5:2"]):
            wanted = run("predict", bed, "--genome", genome, "-m", toy_model, *args)
            given = [window if arg == "--window" else arg for arg in args]
            found = run(command, bed, "--genome", genome, "-m", toy_model, *given)
            assert found.exit_code == 0, found.stderr
            names = [[line.partition("\t")[0] for line in result.stdout.splitlines()] for result in (wanted, found)]
            assert list(dict.fromkeys(names[1])) == names[0]

    def test_tiles_of_a_genome(self, run, toy_model, genome):
        found = run("mutagenesis", genome, "--tile", "12:25", "--span", "2:2", "-m", toy_model)
        assert [line.split("\t")[:2] for line in found.stdout.splitlines()[1::3]] == [
            [f"{contig}:{start}-{start + 12}", "2"] for contig in CONTIGS for start in (0, 25)
        ]

    @pytest.mark.parametrize("command", ["mutagenesis", "ablate", "attribute"])
    def test_wrong_usage_exits_2(self, run, toy_model, bed, genome, command):
        window = "--region-window" if command == "ablate" else "--window"
        for args, part in (
            ([window, 5], f"{window} requires --genome FASTA."),
            (["--genome", genome, "--id-column", "x"], "--id-column requires a table as INPUT, got --genome."),
            (["--genome", genome, "--tile", "5:2", window, 5], f"{window} requires --genome FASTA and cannot be combined with --tile."),
            (["--span", "5:1"], "Invalid value for '--span': Expected START:END, two positions counted from 1 such as 11:60, got '5:1'."),
        ):
            result = run(command, bed, "-m", toy_model, *args)
            assert (result.exit_code, part in result.stderr) == (2, True), result.stderr

    def test_summits_of_complete_regions_name_the_option_of_the_command(self, run, surrounded, bed, genome):
        result = run("ablate", bed, "--genome", genome, "-m", surrounded, "--summits")
        assert (result.exit_code, "--summits requires --region-window N" in result.stderr) == (2, True)

    def test_the_genome_is_not_replaced_and_is_in_the_manifest(self, run, toy_model, bed, genome, tmp_path):
        before = genome.read_bytes()
        for command in ("mutagenesis", "ablate"):
            assert "would overwrite the input" in run(command, bed, "--genome", genome, "-m", toy_model, "-o", genome).stderr
            output = tmp_path / f"{command}.tsv"
            assert run(command, bed, "--genome", genome, "-m", toy_model, "-o", output).exit_code == 0
            assert set(json.loads(output.with_name(f"{output.name}.manifest.json").read_text())["inputs"]) == {str(bed), str(genome)}
        assert genome.read_bytes() == before

    def test_a_dry_run_describes_the_regions_and_counts_the_span(self, run, toy_model, bed, genome):
        result = run("mutagenesis", bed, "--genome", genome, "-m", toy_model, "--span", "3:6", "--dry-run")
        assert (result.exit_code, "peaks.bed: 2 regions\n" in result.stdout) == (0, True)
        assert "at 8 positions of the inserts\n" in result.stdout

    def test_a_file_with_logos_and_arrays_has_the_positions_of_the_span(self, run, toy_model, bed, genome, tmp_path):
        args = ["mutagenesis", bed, "--genome", genome, "-m", toy_model, "--span", "9:12"]
        assert run(*args, "-o", tmp_path / "e.npz", "--logos", tmp_path / "logos", "--modisco", tmp_path / "modisco").exit_code == 0
        with np.load(tmp_path / "e.npz") as arrays:
            assert (arrays["positions"].tolist(), arrays["offsets"].tolist()) == ([8, 8], [0, 4, 8])
        svg = next((tmp_path / "logos").glob("1_*.svg")).read_text()
        assert re.findall(r'text-anchor="middle">(\d+)<', svg) == ["10"]
        assert re.findall(r"<title>\w(\d+):", svg) == ["9", "10", "11", "12"]
        assert (tmp_path / "modisco/sequences.bed").read_text().splitlines()[0] == "chr1:7-19\t8\t12\tchr1:7-19\t0"

    def test_interrupted_mutagenesis_resumes_with_the_same_span_only(self, run, toy_model, bed, genome, tmp_path, monkeypatch):
        args = ["mutagenesis", bed, "--genome", genome, "-m", toy_model]
        resumed = [*args, "-o", tmp_path / "a.tsv", "--resume"]
        with monkeypatch.context() as patched:
            patched.setattr("dreamkeras.explain.effect_files.write_effects", lambda *parts: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                run(*resumed, "--span", "3:6")
        for other in ([], ["--span", "3:7"]):
            refused = run(*resumed, *other)
            assert (refused.exit_code, "started with" in refused.stderr) == (1, True), refused.stderr
        with monkeypatch.context() as patched:
            patched.setattr("dreamkeras.explain.effect_shards.mutate_records", lambda *parts, **choices: pytest.fail("scored again"))
            assert run(*resumed, "--span", "3:6").exit_code == 0
        assert (tmp_path / "a.tsv").read_text() == run(*args, "--span", "3:6").stdout
