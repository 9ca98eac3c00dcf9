"""Tests of `--dry-run` of predict, mutagenesis and variants."""

import re

import pytest


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    """Reduces the duration of the speed measurement."""
    monkeypatch.setattr("dreamkeras.cli.preflight.estimate.MEASURED", 0.01)


@pytest.fixture
def fasta(tmp_path):
    (tmp_path / "in.fa").write_text(">a\nACGTAC\n>b\nACGTAC\n>c\nACGTN\n")
    return tmp_path / "in.fa"


@pytest.fixture
def report(run, toy_model):
    """`report(*args)`: the exit code, and the lines by their subject, of several with one the last."""

    def found(*args, stdin=None, command="predict"):
        result = run(command, *args, "-m", toy_model, "--dry-run", stdin=stdin)
        assert not result.stderr or result.stderr.endswith("bed: regions are centred on their middle.\n")
        lines = [re.fullmatch(r"(\S.{11}) (.*)", line).groups() for line in result.stdout.splitlines()]
        return result.exit_code, {subject.strip(): text for subject, text in lines}

    return found


def test_a_run_that_would_succeed(report, fasta):
    code, lines = report(fasta)
    assert code == 0
    assert lines["Model"] == "toy: input construct toy of 12 bases, predicted columns gc, a"
    assert lines["Input"] == f"{fasta}: fasta"
    assert lines["Records"] == "3 with 17 bases, 5.88 % of them other than A, C, G and T"
    assert lines["Fit"] == "3 of 3"
    assert lines["Model calls"] == "2 windows in 1 batch of up to 64 windows"
    assert lines["Would run"] == "nothing was written"
    assert {"Time", "Memory"} <= set(lines)


def test_nothing_is_written(report, fasta, tmp_path):
    before = sorted(tmp_path.iterdir())
    assert report(fasta, "-o", tmp_path / "o.tsv")[0] == 0
    assert report(fasta, "-o", tmp_path / "o.tsv", "--resume")[0] == 0
    assert sorted(tmp_path.iterdir()) == before


def test_it_fails_with_the_error_of_the_run(run, report, toy_model, fasta, tmp_path):
    fasta.write_text(fasta.read_text() + ">d\nAC\n")
    code, lines = report(fasta)
    assert (code, lines["Fit"]) == (1, "3 of 4")
    assert f"Error: {lines['Would fail']}\n" == run("predict", fasta, "-m", toy_model).stderr
    code, lines = report(fasta, "--on-error", "skip")
    assert (code, lines["Do not fit"][:3], "Would run" in lines) == (0, "1: ", True)


@pytest.mark.parametrize("text", ["", ">a\nAC\n", "ACGT\n>a\nACGT\n"])
def test_invalid_files_fail_as_in_the_run(run, report, toy_model, fasta, text):
    fasta.write_text(text)
    code, lines = report(fasta, "--on-error", "skip")
    wanted = run("predict", fasta, "-m", toy_model, "--on-error", "skip")
    assert (code, wanted.exit_code) == (1, 1)
    assert wanted.stderr == f"Error: {lines['Would fail']}\n"


def test_skipped_records_are_not_a_failure(run, report, toy_model, fasta):
    fasta.write_text(">a\nACGT\n>\n\n")
    assert report(fasta, "--on-error", "skip")[0] == 0
    assert run("predict", fasta, "-m", toy_model, "--on-error", "skip").exit_code == 0


def test_a_missing_file_is_reported(report, tmp_path):
    assert report(tmp_path / "none.fa") == (1, {"Model": "toy: input construct toy of 12 bases, predicted columns gc, a",
                                                "Would fail": f"File not found: {tmp_path}/none.fa."})  # fmt: skip


def test_a_missing_output_folder_is_reported(report, fasta, tmp_path):
    code, lines = report(fasta, "-o", tmp_path / "none" / "o.tsv")
    assert (code, lines["Would fail"].startswith(f"Cannot write {tmp_path}/none/o.tsv: ")) == (1, True)


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("predict", ["-o", "o.xyz"]),
        ("predict", ["-o", "o.bedgraph"]),
        ("predict", ["-o", "o.bw", "--column", "gc"]),
        ("mutagenesis", ["-o", "o.xyz"]),
        ("mutagenesis", ["--seqlets", "s.xyz"]),
        ("mutagenesis", ["--seqlets", "none/s.tsv"]),
        ("mutagenesis", ["--meme", "none/m"]),
        ("mutagenesis", ["--logos", "in.fa/l"]),
        ("variants", ["-o", "o.xyz"]),
        ("variants", ["-o", "none/o.tsv"]),
    ],
)
def test_unwritable_outputs_fail_as_in_the_run(run, toy_model, fasta, tmp_path, monkeypatch, command, args):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.tsv").write_text("id\tref\talt\na\tACGT\tACGA\n")
    args = [command, "p.tsv" if command == "variants" else fasta, "-m", toy_model, *args]
    before = sorted(tmp_path.rglob("*"))
    assert [run(*args, *more).exit_code for more in ((), ("--dry-run",))] == [1, 1]
    assert sorted(tmp_path.rglob("*")) == before


def test_existing_results_are_kept(report, fasta, tmp_path):
    (tmp_path / "o.tsv").write_text("mine")
    assert report(fasta, "-o", tmp_path / "o.tsv")[0] == 0
    assert (tmp_path / "o.tsv").read_text() == "mine"


def test_standard_input_is_accepted(report):
    code, lines = report("-", stdin="ACGT\nACGTA\n")
    assert (code, lines["Input"], lines["Fit"]) == (0, "standard input: lines", "2 of 2")


def test_regions_of_a_genome(report, tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nACGTACGTACGTACGTNNNN\n")
    (tmp_path / "r.bed").write_text("1\t2\t10\nchr1\t12\t20\n")
    code, lines = report(tmp_path / "r.bed", "--genome", tmp_path / "g.fa")
    assert (code, lines["Input"], lines["Contigs"]) == (0, f"{tmp_path}/r.bed: 2 regions", f"2 of 2 contigs were found in {tmp_path}/g.fa")
    (tmp_path / "r.bed").write_text("1\t2\t10\nchrX\t12\t20\n")
    code, lines = report(tmp_path / "r.bed", "--genome", tmp_path / "g.fa")
    assert (code, lines["Missing"]) == (1, "chrX (1). The genome contains chr1")
    assert lines["Would fail"].endswith(f"got 'chrX' in {tmp_path}/r.bed, line 2. To skip such regions, add --on-error skip.")


def test_tiles_of_a_genome(report, tmp_path):
    (tmp_path / "g.fa").write_text(">chr1\nACGTACGTACGTACGTNNNN\n")
    code, lines = report(tmp_path / "g.fa", "--tile", "8:4")
    assert (code, lines["Input"], lines["Fit"], lines["Model calls"][:9]) == (0, f"{tmp_path}/g.fa: fasta", "4 of 4", "2 windows")


def test_ray_is_refused(run, fasta, tmp_path):
    result = run("predict", fasta, "--engine", "ray", "-o", tmp_path / "out", "--dry-run")
    assert (result.exit_code, "--dry-run requires --engine local, got ray." in result.stderr) == (2, True)


class TestMutagenesis:
    def test_all_changes_are_counted(self, report, fasta):
        code, lines = report(fasta, command="mutagenesis")
        assert (code, lines["Fit"], lines["Changes"]) == (0, "3 of 3", "at 17 positions of the inserts")
        # The inserts are the same six bases twice, and four bases with an N. Each base has three changes, and the N has four.
        # The inserts themselves are also scored. Equal windows are scored once.
        assert lines["Model calls"].startswith("36 windows")

    def test_a_deletion_in_the_shortest_insert_does_not_fit(self, run, report, toy_model, fasta):
        fasta.write_text(">a\nACGT\n>b\nACGTA\n")
        code, lines = report(fasta, "--deletions", command="mutagenesis")
        assert code == 1
        assert f"Error: {lines['Would fail']}\n" == run("mutagenesis", fasta, "-m", toy_model, "--deletions").stderr
        assert report(fasta, "--deletions", "--on-error", "skip", command="mutagenesis")[0] == 0


class TestVariants:
    @pytest.fixture
    def vcf(self, tmp_path):
        (tmp_path / "g.fa").write_text(">chr1\nACGTACGTACGTACGTACGT\n")
        rows = ["1\t9\ta\tA\tG,T", "1\t10\tb\tT\tG", "chrX\t5\tc\tA\tT", "chr1\t9\td\tA\tG"]
        lines = ["##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO", *(f"{row}\t.\t.\t." for row in rows)]
        (tmp_path / "v.vcf").write_text("\n".join(lines) + "\n")
        return tmp_path / "v.vcf"

    def test_statuses_contigs_and_model_calls_are_reported(self, report, vcf, tmp_path):
        before = sorted(tmp_path.iterdir())
        code, lines = report(vcf, "--genome", tmp_path / "g.fa", "-o", tmp_path / "o.tsv", command="variants")
        assert (code, lines["Input"], lines["Fit"]) == (0, f"{vcf}: VCF", "3 of 5 alternative alleles of 4 records")
        assert (lines["Contigs"], lines["Missing"]) == (
            f"2 of 3 contigs were found in {tmp_path}/g.fa",
            "chrX (1). The genome contains chr1",
        )
        assert lines["Alleles"].startswith("REF differs from the genome in 1 of 4 compared alleles")
        assert lines["Model calls"].startswith("3 windows")  # the reference, G and T
        assert sorted(tmp_path.iterdir()) == before

    @pytest.mark.parametrize(("prefix", "field", "code"), [("1x", "a", 1), ("DK_", "DK_status", 1), ("DK_", "a", 0)])
    def test_header_errors_fail_as_in_the_run(self, run, toy_model, vcf, tmp_path, prefix, field, code):
        text = f'##INFO=<ID={field},Number=1,Type=String,Description="x">\n#CHROM'
        vcf.write_text(vcf.read_text().replace("#CHROM", text))
        args = ["variants", vcf, "--genome", tmp_path / "g.fa", "-m", toy_model, "-o", tmp_path / "o.vcf", "--info-prefix", prefix]
        assert [run(*args, *more).exit_code for more in (["--dry-run"], [])] == [code, code]

    def test_pairs_of_a_table_are_counted(self, report, tmp_path):
        (tmp_path / "p.tsv").write_text("id\tref\talt\na\tACGT\tACGA\nb\tAC\tACGA\n")
        code, lines = report(tmp_path / "p.tsv", command="variants")
        assert (code, lines["Input"], lines["Fit"]) == (0, f"{tmp_path}/p.tsv: table", "1 of 2 pairs of sequences")
        assert (lines["Alleles"][:11], lines["Model calls"][:9]) == ("too_short: ", "2 windows")
