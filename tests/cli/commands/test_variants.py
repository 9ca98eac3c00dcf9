"""Tests of `dreamkeras variants` against base counts that are computed independently."""

import collections
import csv
import json
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from haplotypes import haplotype, windows
from toy_models import count, write_toy_model
from troubled_vcf import GENOME, HEADER, fasta, troubled_lines

import dreamkeras
from dreamkeras.sequence.construct import YEAST, Construct


@pytest.fixture
def genome(tmp_path):
    (tmp_path / "genome.fa").write_text(fasta())
    return tmp_path / "genome.fa"


@pytest.fixture
def vcf(tmp_path):
    """`vcf(records)`: a VCF of so many records, a third of them with trouble of 20 kinds."""

    def write(records=60, **choices):
        path = tmp_path / f"in{records}.vcf"
        path.write_text(HEADER + "".join(line + "\n" for line, _ in troubled_lines(records, **choices)))
        return path

    return write


def rows(text, delimiter="\t"):
    return list(csv.DictReader(text.splitlines(), delimiter=delimiter))


def letters_of(contig):
    return GENOME[{"MT": "chrM"}.get(contig, contig if contig.startswith("chr") else f"chr{contig}")]


def sides(row, length, at):
    """Returns the windows of both alleles for each anchored edge, cut from strings."""
    letters = letters_of(row["chrom"])
    changed = haplotype(letters, int(row["pos"]), row["ref"], row["alt"])
    return zip(*(windows(letters, changed, length, at, right=right) for right in (False, True)), strict=True)


def effect(row, length=12, at=6):
    """Returns the predictions of the toy model for strings that are cut and joined independently."""
    before, after = (np.mean([*map(count, texts)], axis=0) for texts in sides(row, length, at))
    return [*zip(before.tolist(), after.tolist(), (after - before).tolist(), strict=True)]


def numbers(row, task):
    return tuple(float(row[f"{task}_{name}"]) for name in ("ref", "alt", "effect"))


def test_rows_have_the_status_and_the_expected_predictions(run, toy_model, genome, vcf, tmp_path):
    result = run("variants", vcf(300), "--genome", genome, "-m", toy_model, "-o", tmp_path / "o.tsv")
    assert (result.exit_code, result.stdout) == (0, "")
    found = rows((tmp_path / "o.tsv").read_text())
    wanted = [status for _, statuses in troubled_lines(300) for status in statuses]
    assert [row["status"] for row in found] == wanted
    for row in found:
        if row["status"] == "ok":
            gc, a = effect(row)
            assert (numbers(row, "gc"), numbers(row, "a")) == (gc, a)
        else:
            assert row["gc_effect"] == "nan"


def test_allele_counts_by_status_are_printed(run, toy_model, genome, vcf):
    told = run("variants", vcf(300), "--genome", genome, "-m", toy_model).stderr.splitlines()
    counts = collections.Counter(status for _, statuses in troubled_lines(300) for status in statuses)
    total = sum(counts.values())
    assert told[0] == f"Scored {counts['ok']} of {total} alternative alleles of 300 records."
    assert {line.split(" (")[0] for line in told[1:-1]} == {f"{status}: {n}" for status, n in counts.items() if status != "ok"}
    assert told[-1].startswith(f"REF differs from the genome in {counts['ref_mismatch']} of ")


def test_the_manifest_has_models_inputs_and_window_options(run, toy_model, genome, vcf, tmp_path):
    path = vcf(30)
    run("variants", path, "--genome", genome, "-m", toy_model, "-o", tmp_path / "o.jsonl", "--at", 3, "--strand", "both")
    found = json.loads((tmp_path / "o.jsonl.manifest.json").read_text())
    assert list(found["models"]) == [str(toy_model)]
    assert list(found["inputs"]) == [str(path), str(genome)]
    assert found["placement"] == {"length": 12, "positions": [3], "strand": "both", "indel_anchor": "mean"}
    assert sum(found["alleles"].values()) == len((tmp_path / "o.jsonl").read_text().splitlines())


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_all_table_formats_hold_the_same_values(run, toy_model, genome, vcf, tmp_path, format):
    path = vcf(60)
    args = ("variants", path, "--genome", genome, "-m", toy_model)
    wanted = rows(run(*args).stdout)
    assert run(*args, "-o", tmp_path / f"o.{format}").exit_code == 0
    if format == "parquet":
        found = pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "o.parquet").to_pylist()
    elif format == "jsonl":
        found = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    else:
        found = rows((tmp_path / "o.csv").read_text(), ",")
    format_numbers = [{name: as_cell(name, value) for name, value in row.items()} for row in found]
    assert format_numbers == wanted


def as_cell(name, value):
    """Formats a value as in TSV."""
    if name.startswith(("gc_", "a_")):
        return "nan" if value is None else f"{float(value):g}"
    return "" if value is None else str(value)


def test_several_positions_and_both_strands_are_averaged(run, toy_model, genome, vcf):
    path = vcf(60, broken=False)
    args = ("variants", path, "--genome", genome, "-m", toy_model)
    parts = [rows(run(*args, "--at", at, "--strand", strand).stdout) for at in (2, 4, 5) for strand in ("forward", "reverse")]
    whole = rows(run(*args, "--positions", "2,4,5", "--strand", "both").stdout)
    both = 0
    for row, *others in zip(whole, *parts, strict=True):
        assert (row["status"] == "ok") == all(other["status"] == "ok" for other in others)
        if row["status"] == "ok":
            assert float(row["a_effect"]) == pytest.approx(np.mean([float(other["a_effect"]) for other in others]), abs=1e-5)
            both += 1
    assert both > 30


def test_an_ensemble_adds_deviation_and_agreement(run, genome, vcf, tmp_path):
    models = [write_toy_model(tmp_path / f"{weight}.onnx", weight=weight) for weight in (1, 2, -6)]
    options = [option for model in models for option in ("-m", model)]
    path = vcf(60)
    found = rows(run("variants", path, "--genome", genome, *options).stdout)
    alone = [rows(run("variants", path, "--genome", genome, "-m", model).stdout) for model in models]
    scored = [i for i, row in enumerate(found) if row["status"] == "ok" and float(alone[0][i]["gc_effect"])]
    assert len(scored) > 20
    for i in scored:
        effects = [float(one[i]["gc_effect"]) for one in alone]
        assert float(found[i]["gc_effect"]) == pytest.approx(np.mean(effects), abs=1e-4)
        assert float(found[i]["gc_effect_sd"]) == pytest.approx(np.std(effects, ddof=1), rel=1e-4)
        assert float(found[i]["gc_agreement"]) == pytest.approx(1 / 3, abs=1e-4)


def test_alleles_are_inserted_between_adapters(run, genome, vcf, tmp_path):
    construct = Construct("s", length=20, left_adapter="TTTT", right_adapter="AAAA", strands="given")
    model = write_toy_model(tmp_path / "s.onnx", construct)
    found = rows(run("variants", vcf(60), "--genome", genome, "-m", model).stdout)
    for row in found:
        if row["status"] == "ok":
            gc, a = effect(row)
            assert numbers(row, "gc") == gc
            assert numbers(row, "a") == (a[0] + 4, a[1] + 4, a[2])
    shorter = rows(run("variants", vcf(60), "--genome", genome, "-m", model, "--insert-length", 8).stdout)
    assert [row["status"] for row in shorter].count("too_long") > [row["status"] for row in found].count("too_long")


def test_a_yeast_promoter_has_80_bases_between_its_adapters(run, genome, vcf, tmp_path):
    found = rows(run("variants", vcf(30), "--genome", genome).stdout)
    scored = [row for row in found if row["status"] == "ok"]
    model = dreamkeras.load()
    for row in scored[::4]:
        texts = [[YEAST.left_adapter + insert + YEAST.right_adapter for insert in side] for side in sides(row, 80, 40)]
        before, after = (model.predict(side)[:, 0].mean() for side in texts)
        assert numbers(row, "expression") == pytest.approx((before, after, after - before), abs=1e-4)
    assert len(scored) > 20


class TestNotations:
    """VCF files with several representations of one haplotype, scored with the packaged model."""

    @pytest.fixture
    def effects(self, run, data_folder, tmp_path):
        """`effects(name, *args)`: a row for each allele of one of the files, the numbers as they are written to Parquet."""
        folder = data_folder / "data" / "cases"
        parquet = pytest.importorskip("pyarrow.parquet")

        def scored(name, *args):
            output = tmp_path / "o.parquet"
            assert run("variants", folder / name, "--genome", folder / "genome.fa", "-o", output, *args).exit_code == 0
            return parquet.read_table(output).to_pylist()

        return scored

    @pytest.mark.parametrize("name", ["joint.vcf", "equiv.vcf"])
    def test_equivalent_representations_have_the_same_effect(self, effects, name):
        found = effects(name)
        by_form = collections.defaultdict(set)
        for row in found:
            assert row["status"] == "ok"
            form = row["norm_pos"], row["norm_ref"], row["norm_alt"]
            by_form[form].add(tuple(row[f"expression_{end}"] for end in ("ref", "alt", "effect")))
        assert all(len(values) == 1 for values in by_form.values())
        assert len(by_form) == {"joint.vcf": 2, "equiv.vcf": 8}[name]

    def test_the_anchored_edge_is_an_option_and_mean_averages_both(self, effects):
        left, right, mean = (effects("equiv.vcf", "--indel-anchor", anchor) for anchor in ("left", "right", "mean"))
        assert effects("equiv.vcf") == mean
        for row, one, other in zip(mean, left, right, strict=True):
            assert row["expression_ref"] == one["expression_ref"] == other["expression_ref"]
            wanted = (one["expression_alt"] + other["expression_alt"]) / 2
            assert row["expression_alt"] == pytest.approx(wanted, abs=1e-5)
            if len(row["norm_ref"]) == len(row["norm_alt"]):
                assert one == other == row
        assert {row["id"]: row for row in left}["ins_at114"]["expression_effect"] == pytest.approx(-0.91, abs=0.01)


def test_pairs_from_standard_input(run, toy_model):
    result = run("variants", "-", "-m", toy_model, stdin="ref\talt\nACGT\tAAGT\n")
    assert numbers(rows(result.stdout)[0], "a") == (1, 2, 1)


def test_pairs_of_sequences(run, toy_model, tmp_path):
    (tmp_path / "p.csv").write_text("name,wild,mutant\nx,ACGTACGT,ACGAACGT\ny,ACGTACGT,AC-T\n")
    result = run("variants", tmp_path / "p.csv", "-m", toy_model, "--ref-column", "wild", "--alt-column", 2)
    first, second = rows(result.stdout)
    assert (first["id"], first["status"], second["status"]) == ("x", "ok", "not_letters")
    assert numbers(first, "a") == (2, 3, 1)
    assert "Scored 1 of 2 pairs of sequences." in result.stderr


def test_the_output_vcf_has_info_fields(run, spawn, toy_model, genome, vcf, tmp_path):
    path = vcf(60, broken=False)
    args = ("variants", path, "--genome", genome, "-m", toy_model)
    assert run(*args, "-o", tmp_path / "o.vcf.gz", "--info-prefix", "GC.").exit_code == 0
    found = {}
    with pytest.importorskip("pysam").VariantFile(str(tmp_path / "o.vcf.gz")) as file:
        for record in file:
            found.update({(record.pos, record.id, alt): record.info["GC.a_effect"][i] for i, alt in enumerate(record.alts or (".",))})
    for row in rows(run(*args).stdout):
        value = found[int(row["pos"]), None if row["id"] == "." else row["id"], row["alt"]]
        assert (value is None and row["a_effect"] == "nan") or value == float(row["a_effect"])
    piped = spawn("variants", "-", "--genome", genome, "-m", toy_model, "--format", "vcf", "--info-prefix", "GC.", input=path.read_text())
    run(*args, "-o", tmp_path / "o.vcf", "--info-prefix", "GC.")
    assert piped.stdout == (tmp_path / "o.vcf").read_text()


@pytest.mark.parametrize("more", [(), ("--resume",)])
def test_annotating_twice_requires_another_prefix(run, toy_model, genome, vcf, tmp_path, more, monkeypatch):
    run("variants", vcf(30), "--genome", genome, "-m", toy_model, "-o", tmp_path / "a.vcf")
    args = ("variants", tmp_path / "a.vcf", "--genome", genome, "-m", toy_model, "-o", tmp_path / "b.vcf", *more)
    with monkeypatch.context() as patched:
        patched.setattr("dreamkeras.variants.scoring.VariantScorer.score", lambda *asked: 1 / 0)
        result = run(*args)
    assert (result.exit_code, "Choose another prefix." in result.stderr, (tmp_path / "b.vcf").exists()) == (1, True, False)
    assert run(*args, "--info-prefix", "two_").exit_code == 0
    assert "DK_a_effect" in (tmp_path / "b.vcf").read_text()


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("--strand", "reverse"), 2, "--strand requires a VCF and --genome FASTA, got a table"),
        (("--at", "3"), 2, "--positions requires a VCF and --genome FASTA, got a table"),
        (("--indel-anchor", "left"), 2, "--indel-anchor requires a VCF and --genome FASTA, got a table"),
        (("--insert-length", "3"), 2, "--insert-length requires a VCF and --genome FASTA, got a table"),
        (("--genome", "{genome}", "--ref-column", "x"), 2, "--ref-column requires a table, got a VCF"),
        (("-o", "{folder}/x.vcf"), 2, "Writing a VCF requires --genome FASTA"),
        (("--genome", "{genome}", "--resume"), 2, "--resume requires a file as -o"),
        (("--genome", "{genome}", "--info-prefix", "X_"), 2, "--info-prefix requires a VCF as output, got a table"),
        (("--genome", "{genome}", "--at", "1,x"), 2, "'1,x' is not a list of non-negative whole numbers"),
        (("--genome", "{genome}", "--at", "12"), 1, "positions from 0 to 11"),
        (("--genome", "{genome}", "--insert-length", "13"), 1, "4 to 12 bases for construct 'toy', got 13"),
        (("--genome", "{genome}", "-o", "{folder}/x.txt.xlsx"), 1, "one of the formats"),
        (("--genome", "{genome}", "-o", "{genome}"), 1, "Output would overwrite the input"),
        ((), 1, "requires a reference genome. Give it with --genome."),
    ],
)
def test_wrong_options_are_one_line_and_write_nothing(run, toy_model, genome, vcf, tmp_path, args, code, message):
    path = vcf(30)
    before = sorted(tmp_path.rglob("*"))
    result = run("variants", path, "-m", toy_model, *(arg.format(genome=genome, folder=tmp_path) for arg in args))
    assert (result.exit_code, message in result.stderr) == (code, True), result.stderr
    assert sorted(tmp_path.rglob("*")) == before
    assert genome.read_text() == fasta()


class TestResume:
    """Kills during the scoring of 10,000 records, a third of which have one of 20 kinds of errors."""

    def kill(self, args, output, shards):
        """Runs the command until it has written a number of shards, and a short time longer, and kills it."""
        slow = "import time; add = run.Shards.add; run.Shards.add = lambda *rest: (add(*rest), time.sleep(0.05))"
        begin = "from dreamkeras.variants import run; from dreamkeras.formats import vcf; vcf.BATCH_ROWS = 400"
        code = f"{begin}; {slow}; from dreamkeras.cli.main import main; main({[str(arg) for arg in args]!r})"
        process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        while len(list(output.parent.glob(f"{output.name}.unfinished/*.npz"))) < shards:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.1))  # anywhere between two shards, or while one is written
        process.kill()
        process.wait()

    @pytest.mark.parametrize(("suffix", "kills"), [("tsv", (3, 9, 17)), ("vcf.gz", (9,))])
    def test_a_kill_does_not_change_the_result(self, run, toy_model, genome, vcf, tmp_path, monkeypatch, suffix, kills):
        monkeypatch.setattr("dreamkeras.formats.vcf.BATCH_ROWS", 400)
        args = ["variants", vcf(10_000), "--genome", genome, "-m", toy_model]
        output, whole = tmp_path / f"o.{suffix}", tmp_path / f"whole.{suffix}"
        for shards in kills:
            self.kill([*args, "-o", output, "--resume"], output, shards)
            assert not output.exists()
        resumed = run(*args, "-o", output, "--resume")
        straight = run(*args, "-o", whole)
        assert (resumed.exit_code, resumed.stderr) == (0, straight.stderr)
        assert output.read_bytes() == whole.read_bytes()
        assert not list(tmp_path.glob("*.unfinished"))
        if suffix == "tsv":
            wanted = [status for _, statuses in troubled_lines(10_000) for status in statuses]
            assert [row["status"] for row in rows(output.read_text())] == wanted
            assert f"in {wanted.count('ref_mismatch'):,} of " in resumed.stderr

    def test_other_options_do_not_resume_existing_shards(self, run, toy_model, genome, vcf, tmp_path):
        args = ["variants", vcf(4000), "--genome", genome, "-m", toy_model, "-o", tmp_path / "o.tsv", "--resume"]
        self.kill(args, tmp_path / "o.tsv", 2)
        result = run(*args, "--at", 3)
        assert (result.exit_code, "started with another choice of options" in result.stderr) == (1, True), result.stderr
