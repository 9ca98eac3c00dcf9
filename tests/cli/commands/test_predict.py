import contextlib
import csv
import gzip
import io
import json
import os
import pty
import random
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from toy_models import count, write_toy_model

from dreamkeras.scoring import predictor as predictor_module
from dreamkeras.sequence.construct import YEAST

SEQUENCES = {"first": "ACGT", "second": "ggggcc", "third": "ACGTACGTACGN"}
TSV = "id\tgc\ta\nfirst\t2\t1\nsecond\t6\t0\nthird\t6\t3\n"


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "in.fa"
    path.write_text("".join(f">{name} more\n{text}\n" for name, text in SEQUENCES.items()))
    return path


@pytest.fixture
def predict(run, toy_model):
    return lambda *args, **options: run("predict", "-m", toy_model, *args, **options)


def one_line_error(result, *parts):
    """Checks that a command failed with one error line and exit code 1."""
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert str(part) in result.stderr
    return True


class TestInputs:
    def test_fasta_to_standard_output(self, predict, fasta):
        result = predict(fasta)
        assert (result.exit_code, result.stdout, result.stderr) == (0, TSV, "Read 3 records.\n")

    def test_gzip(self, predict, fasta, tmp_path):
        (tmp_path / "in.fa.gz").write_bytes(gzip.compress(fasta.read_bytes()))
        assert predict(tmp_path / "in.fa.gz").stdout == TSV

    def test_standard_input(self, spawn, toy_model, fasta):
        assert spawn("predict", "-", "-m", toy_model, input=fasta.read_text()).stdout == TSV

    def test_table_with_columns(self, predict, tmp_path):
        (tmp_path / "t.csv").write_text("insert,gene\nACGT,first\nggggcc,second\nACGTACGTACGN,third\n")
        assert predict(tmp_path / "t.csv", "--sequence-column", "insert", "--id-column", "gene").stdout == TSV
        assert predict(tmp_path / "t.csv", "--sequence-column", "0", "--id-column", "1").stdout == TSV

    def test_several_files_keep_their_order(self, predict, fasta, tmp_path):
        (tmp_path / "lines.txt").write_text("AAAA\nCCCC\n")
        assert predict(tmp_path / "lines.txt", fasta).stdout == TSV.replace("first", "1\t0\t4\n2\t4\t0\nfirst", 1)

    def test_a_run_folder_is_accepted_as_a_model(self, run, fasta, tmp_path):
        write_toy_model(tmp_path / "model.onnx")
        assert run("predict", fasta, "-m", tmp_path).stdout == TSV

    @pytest.mark.parametrize("size", [1, 2, 1000])
    def test_batch_size_does_not_change_results(self, predict, fasta, size):
        assert predict(fasta, "--batch-size", size).stdout == TSV

    def test_auto_measures_and_prints_batch_size_and_threads(self, predict, fasta):
        result = predict(fasta, "--batch-size", "auto", "--threads", "auto")
        assert (result.exit_code, result.stdout) == (0, TSV)
        measured = r"Measured [\d,]+ sequences per second with batch size [\d,]+ and \d+ threads?\.\nRead 3 records\.\n"
        assert re.fullmatch(measured, result.stderr)

    def test_auto_cannot_be_resumed(self, predict, fasta, tmp_path):
        result = predict(fasta, "-o", tmp_path / "o.tsv", "--resume", "--threads", "auto")
        assert (result.exit_code, "--resume requires numbers for --batch-size and --threads, got auto" in result.stderr) == (2, True)


class TestOutputs:
    @pytest.mark.parametrize("format", ["tsv", "csv", "jsonl", "parquet"])
    @pytest.mark.parametrize("by", ["suffix", "option"])
    def test_formats(self, predict, fasta, tmp_path, format, by):
        output = tmp_path / (f"o.{format}" if by == "suffix" else "o.out")
        result = predict(fasta, "-o", output, *(["--format", format] if by == "option" else []))
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "Read 3 records.\n")
        assert read(output, format) == [(name, *count(text)) for name, text in SEQUENCES.items()]

    def test_existing_output_is_replaced_only_on_success(self, predict, fasta, tmp_path):
        (tmp_path / "o.tsv").write_text("before")
        (tmp_path / "bad.fa").write_text(">x\nACGT\n>y\nAC!T\n")
        assert predict(tmp_path / "bad.fa", "-o", tmp_path / "o.tsv").exit_code == 1
        assert (tmp_path / "o.tsv").read_text() == "before"
        assert predict(fasta, "-o", tmp_path / "o.tsv").exit_code == 0
        assert (tmp_path / "o.tsv").read_text() == TSV

    def test_the_output_cannot_be_an_input(self, predict, tmp_path):
        (tmp_path / "x.tsv").write_text("id\tsequence\nfirst\tACGT\n")
        (tmp_path / "y.tsv").symlink_to(tmp_path / "x.tsv")
        result = predict(tmp_path / "x.tsv", "-o", tmp_path / "y.tsv")
        assert (result.exit_code, result.stderr) == (
            1,
            f"Error: Output would overwrite the input '{tmp_path / 'y.tsv'}'. Choose another output.\n",
        )
        assert (tmp_path / "x.tsv").read_text() == "id\tsequence\nfirst\tACGT\n"


class TestResume:
    def begun(self, tmp_path, toy_model, format, kills=1):
        """Predicts in small shards, with several kills after some shards. Returns the output and the command."""
        letters = np.random.default_rng(0).choice(np.frombuffer(b"ACGT", np.uint8), (3000, 12))
        (tmp_path / "in.fa").write_text("".join(f">s{i}\n{row.tobytes().decode()}\n" for i, row in enumerate(letters)))
        args = ["predict", str(tmp_path / "in.fa"), "-m", str(toy_model), "-o", str(tmp_path / f"o.{format}"), "--resume"]
        for kill in range(kills):
            self.killed(args, tmp_path, 5 * (kill + 1))
        return tmp_path / f"o.{format}", args

    def killed(self, args, tmp_path, shards):
        """Runs the command until it has written a number of shards, and a short time longer, and kills it."""
        slow = "import time; add = pipeline.Shards.add; pipeline.Shards.add = lambda *rest: (add(*rest), time.sleep(0.05))"
        code = f"from dreamkeras.scoring import pipeline; pipeline.SHARD = 64; {slow}; from dreamkeras.cli.main import main; main({args!r})"
        process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
        while len(list(tmp_path.glob("o.*.unfinished/*.npz"))) < shards:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.1))  # anywhere between two shards, or while one is written
        process.kill()
        process.wait()

    @pytest.mark.parametrize("format", ["tsv", "parquet"])
    def test_three_kills_do_not_change_the_result(self, run, toy_model, tmp_path, monkeypatch, format):
        monkeypatch.setattr("dreamkeras.scoring.pipeline.SHARD", 64)
        output, args = self.begun(tmp_path, toy_model, format, kills=3)
        assert not output.exists()
        assert run(*args).exit_code == 0
        whole = tmp_path / f"whole.{format}"
        assert run(*args[:5], whole, "--resume").exit_code == 0
        assert output.read_bytes() == whole.read_bytes()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["in.fa", output.name, whole.name]

    def test_another_input_is_refused_and_shards_are_kept(self, run, toy_model, tmp_path):
        output, args = self.begun(tmp_path, toy_model, "tsv")
        (tmp_path / "in.fa").write_text(">a\nACGT\n")
        kept = sorted((tmp_path / "o.tsv.unfinished").glob("[!.]*"))
        changed = f"started with another input ({tmp_path / 'in.fa'} was modified after the prediction was started)"
        assert one_line_error(run(*args), changed, f"{output}.unfinished")
        assert sorted((tmp_path / "o.tsv.unfinished").glob("[!.]*")) == kept

    def test_pipes_cannot_be_resumed(self, run, toy_model):
        result = run("predict", "in.fa", "-m", toy_model, "--resume")
        assert (result.exit_code, "--resume requires a file as -o, got standard output." in result.stderr) == (2, True)
        for stream in ("-", "/dev/stdin"):
            result = run("predict", stream, "-m", toy_model, "--resume", "-o", "o.tsv")
            assert one_line_error(result, "which can be read only once: --resume")


def read(path, format):
    """Returns the rows of a file of predictions."""
    if format == "parquet":
        import pyarrow.parquet

        rows = pyarrow.parquet.read_table(path).to_pylist()
    elif format == "jsonl":
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    else:
        rows = list(csv.DictReader(io.StringIO(path.read_text()), delimiter="\t" if format == "tsv" else ","))
    return [(row["id"], float(row["gc"]), float(row["a"])) for row in rows]


class TestBadInput:
    @pytest.mark.parametrize(
        ("name", "content", "part"),
        [
            ("empty.fa", b"", "empty"),
            ("noheader.fa", b"ACGT\nACGT\n", "noheader.fa"),
            ("letter.fa", b">x\nACGT\n>y\nACJT\n", "'J' at position 3 in record 'y'"),
            ("cut.fa.gz", gzip.compress(b">x\n" + os.urandom(999).hex().encode())[:-40], "gzip"),
            ("column.tsv", b"name\tvalue\nx\t1\n", "column"),
            ("short.fa", b">x\nACG\n", "construct 'toy', got 3 in record 'x'"),
            ("long.fa", b">x\nACGTACGTACGTACGT\n", "got 16 in record 'x'"),
        ],
        ids=["empty", "no header", "letter", "truncated gzip", "no column", "short", "long"],
    )
    def test_invalid_records_are_one_line_and_write_nothing(self, predict, tmp_path, name, content, part):
        path, output = tmp_path / name, tmp_path / "out" / "o.tsv"
        path.write_bytes(content)
        output.parent.mkdir()
        assert one_line_error(predict(path), part, name)
        assert one_line_error(predict(path, "-o", output), part)
        assert list(output.parent.iterdir()) == []

    def test_missing_file_is_one_line(self, predict, tmp_path):
        assert one_line_error(predict(tmp_path / "no.fa"), "no.fa")

    def test_a_late_invalid_record_discards_earlier_results(self, predict, tmp_path):
        (tmp_path / "late.fa").write_text(">x\nACGT\n" * 20_000 + ">y\nAC\n")
        assert one_line_error(predict(tmp_path / "late.fa"), "record 'y'", "line 40001")

    def test_missing_model_is_one_line(self, run, fasta):
        assert one_line_error(run("predict", fasta, "-m", "no-such-model"), "no-such-model")

    def test_invalid_model_file_is_one_line(self, run, fasta):
        assert one_line_error(run("predict", fasta, "-m", fasta), "ONNX", fasta)

    def test_other_onnx_file_is_one_line(self, run, fasta, tmp_path):
        assert one_line_error(run("predict", fasta, "-m", write_toy_model(tmp_path / "other.onnx", metadata={})), "other.onnx")

    def test_invalid_construct_is_one_line(self, run, fasta, tmp_path):
        model = write_toy_model(tmp_path / "y.onnx", YEAST)
        (tmp_path / "half.fa").write_text(f">x\n{YEAST.left_adapter}{'ACGT' * 20}\n")
        assert one_line_error(run("predict", tmp_path / "half.fa", "-m", model), "both adapters", "'x'")

    def test_missing_output_folder_is_one_line(self, predict, fasta, tmp_path):
        assert one_line_error(predict(fasta, "-o", tmp_path / "no" / "o.tsv"), "o.tsv")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
    def test_full_disk_is_one_line(self, spawn, predict, toy_model, fasta):
        assert one_line_error(predict(fasta, "-o", "/dev/full", "--format", "tsv"), "/dev/full", "No space left")
        with open("/dev/full", "wb") as full:
            done = spawn("predict", fasta, "-m", toy_model, capture_output=False, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 1
        assert done.stderr == "Error: Cannot write standard output: No space left on device.\n"

    def test_cuda_without_a_gpu_is_one_line(self, predict, fasta):
        import onnxruntime

        if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
            pytest.skip("this onnxruntime has CUDA")
        assert one_line_error(predict(fasta, "--device", "cuda"), "CUDA")

    @pytest.mark.parametrize("args", [[], ["x.fa", "--on-error", "ignore"], ["x.fa", "--batch-size", "0"], ["x.fa", "--format", "xls"]])
    def test_wrong_usage_exits_2(self, run, args):
        assert run("predict", *args).exit_code == 2


class TestSkipping:
    def test_unfit_records_are_skipped_and_counted(self, predict, tmp_path):
        (tmp_path / "in.fa").write_text(">a\nACGT\n>b\nAC\n>c\nACJT\n>d\nGGGG\n")
        result = predict(tmp_path / "in.fa", "--on-error", "skip")
        assert (result.exit_code, result.stdout) == (0, "id\tgc\ta\na\t2\t1\nd\t4\t0\n")
        lines = result.stderr.splitlines()
        assert "record 'b'" in lines[0]
        assert "'J' at position 3 in record 'c'" in lines[1]
        assert lines[2:] == ["Skipped 2 of 4 records."]

    def test_many_skipped_records_are_summarised(self, predict, tmp_path):
        (tmp_path / "in.txt").write_text("AC\n" * 5_000 + "ACGT\n")
        result = predict(tmp_path / "in.txt", "--on-error", "skip")
        assert result.exit_code == 0
        assert len(result.stderr.splitlines()) == 6
        assert result.stderr.endswith("Skipped 5,000 of 5,001 records.\n")

    def test_records_are_counted_if_none_is_skipped(self, predict, fasta):
        assert predict(fasta, "--on-error", "skip").stderr == "Read 3 records.\n"


class TestEnsemble:
    def test_several_models_give_means_and_deviations(self, run, toy_model, fasta, tmp_path):
        triple = write_toy_model(tmp_path / "triple.onnx", weight=3)
        result = run("predict", fasta, "-m", toy_model, "-m", triple)
        rows = [line.split("\t") for line in result.stdout.splitlines()]
        assert (result.exit_code, result.stderr, rows[0]) == (0, "Read 3 records.\n", ["id", "gc", "a", "gc_sd", "a_sd"])
        counted = np.array([count(text) for text in SEQUENCES.values()])
        wanted = np.concatenate([2 * counted, np.sqrt(2) * counted], axis=1)
        np.testing.assert_allclose(np.array([row[1:] for row in rows[1:]], float), wanted, rtol=1e-5)

    def test_records_that_do_not_fit_all_models_are_skipped(self, run, toy_model, tmp_path):
        yeast = write_toy_model(tmp_path / "yeast.onnx", YEAST)
        (tmp_path / "in.fa").write_text(f">a\n{'ACGT' * 2}\n>b\n{'ACGT' * 20}\n>c\nGGGG\n")
        result = run("predict", tmp_path / "in.fa", "-m", toy_model, "-m", yeast, "--on-error", "skip")
        assert [line.split("\t")[0] for line in result.stdout.splitlines()] == ["id", "a", "c"]
        assert "4 to 12 bases for construct 'toy', got 80 in record 'b'" in result.stderr

    @pytest.mark.parametrize("command", ["predict", "mutagenesis", "predict --dry-run", "predict --resume"])
    def test_a_model_given_twice_is_refused(self, run, toy_model, fasta, tmp_path, command):
        command, *more = command.split()
        (tmp_path / "link.onnx").symlink_to(toy_model)
        given = ("-m", toy_model, "-m", tmp_path / "link.onnx", "-o", tmp_path / "out.tsv")
        assert one_line_error(run(command, fasta, *given, *more), "is given twice, also as ", "link.onnx")
        assert not (tmp_path / "out.tsv").exists()

    def test_models_with_different_tasks_are_refused(self, run, toy_model, fasta, tmp_path):
        other = write_toy_model(tmp_path / "other.onnx", tasks=("gc",))
        assert one_line_error(run("predict", fasta, "-m", toy_model, "-m", other), "the same tasks", "gc, a")

    def test_memory_does_not_grow_with_the_input(self, tmp_path):
        models = [write_toy_model(tmp_path / f"{weight}.onnx", YEAST, weight=weight) for weight in (1, 2)]
        few, many = (peak_megabytes(tmp_path, models, number) for number in (2_000, 100_000))
        assert many - few < 25


class TestPackagedModel:
    def test_is_used_without_m_and_reported(self, run, fasta, tmp_path, monkeypatch):
        monkeypatch.setattr(predictor_module, "PACKAGED_MODEL", write_toy_model(tmp_path / "yeast.onnx"))
        result = run("predict", fasta)
        assert (result.exit_code, result.stdout) == (0, TSV)
        assert result.stderr == "No -m given: used the packaged model toy (construct toy).\nRead 3 records.\n"

    def test_is_small_and_of_the_yeast_construct(self, run, tmp_path):
        assert predictor_module.PACKAGED_MODEL.stat().st_size <= 4_000_000
        (tmp_path / "in.txt").write_text("ACGTACGTAC" * 8 + "\n")
        result = run("predict", tmp_path / "in.txt")
        assert result.exit_code == 0
        assert 0 <= float(result.stdout.splitlines()[1].split("\t")[1]) <= 17


class TestProcess:
    """Tests that require a separate process."""

    def test_predict_imports_no_training_framework_and_no_rich(self, toy_model, fasta):
        args = ["predict", str(fasta), "-m", str(toy_model)]
        code = f"import sys\nfrom dreamkeras.cli.main import main\ntry: main({args!r})\nexcept SystemExit: print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.startswith(TSV)
        loaded = set(done.stdout.split())
        assert "onnxruntime" in loaded
        assert not loaded & {"keras", "tensorflow", "jax", "torch", "pandas", "scipy", "matplotlib", "onnx", "pyarrow", "rich"}

    def test_a_thousand_promoters_take_under_three_seconds(self, spawn, tmp_path):
        letters = random.Random(0)
        (tmp_path / "in.txt").write_text("".join("".join(letters.choices("ACGT", k=80)) + "\n" for _ in range(1000)))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = spawn("predict", tmp_path / "in.txt")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.stdout.count("\n") == 1001
        # CPU time, because wall time depends on the load of the machine. benchmarks/predict.py measures wall time.
        assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3

    @pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's peak memory")
    def test_memory_does_not_grow_with_the_input(self, tmp_path):
        model = write_toy_model(tmp_path / "y.onnx", YEAST)
        few, many = (peak_megabytes(tmp_path, [model], number) for number in (2_000, 200_000))
        assert many - few < 25  # the windows of all sequences would take 30 MB

    def test_a_closed_pipe_is_not_an_error(self, toy_model, tmp_path):
        (tmp_path / "in.txt").write_text("ACGT\n" * 50_000)
        command = [sys.executable, "-c", "from dreamkeras.cli.main import main; main()", "predict", tmp_path / "in.txt", "-m", toy_model]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"id\tgc\ta\n"
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode in (1, -signal.SIGPIPE)

    def test_interrupt_prints_nothing_and_leaves_no_file(self, toy_model, tmp_path):
        output = tmp_path / "out"
        output.mkdir()
        args = ["predict", "-", "-m", str(toy_model), "-o", str(output / "o.tsv")]
        command = [sys.executable, "-c", f"from dreamkeras.cli.main import main; main({args!r})"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdin.write(b"ACGT\n" * 100_000)  # more than a pipe can hold, so that this returns only while the records are read
            process.stdin.flush()
            wait_for(output)
            process.send_signal(signal.SIGINT)
            process.wait(20)
            assert (process.stdout.read(), process.stderr.read()) == (b"", b"")
        assert process.returncode == 130
        assert list(output.iterdir()) == []

    def test_an_error_is_reported_before_standard_input_ends(self, toy_model):
        command = [sys.executable, "-c", f"from dreamkeras.cli.main import main; main(['predict', '-', '-m', {str(toy_model)!r}])"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            with contextlib.suppress(BrokenPipeError):
                while True:
                    process.stdin.write(b"ACGT\nAC\n" * 50_000)
            assert process.wait(20) == 1
            assert process.stderr.read().count(b"\n") == 1
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()

    def test_progress_is_shown_on_a_terminal_and_not_in_the_results(self, toy_model, fasta):
        shown, returncode, out = on_terminal(["predict", str(fasta), "-m", str(toy_model)])
        assert (returncode, out) == (0, TSV)
        assert "3 records" in shown


def peak_megabytes(folder, models, number):
    """Returns the peak memory of a process that predicts a number of promoters, in MB."""
    (folder / "in.txt").write_text("ACGTACGTAC" * 8 + "\n" + ("GATTACA" * 11 + "\n") * (number - 1))
    options = [text for model in models for text in ("-m", str(model))]
    args = ["predict", str(folder / "in.txt"), *options, "-o", str(folder / "o.tsv")]
    code = f"from dreamkeras.cli.main import main\ntry: main({args!r})\nexcept SystemExit: print(open('/proc/self/status').read())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return next(int(line.split()[1]) / 1024 for line in done.stdout.splitlines() if line.startswith("VmHWM"))


def wait_for(folder):
    deadline = time.monotonic() + 20
    while not any(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)


def on_terminal(args):
    """Runs a command with a terminal as standard error. Returns the text on the terminal, the exit status and standard output."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-c", f"from dreamkeras.cli.main import main; main({args!r})"]
    shown = []

    def read_all():
        try:
            while part := os.read(leader, 4096):
                shown.append(part)
        except OSError:  # Linux raises EIO after the other side has closed
            pass

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower, env={**os.environ, "TERM": "xterm"}) as process:
        os.close(follower)
        reader = threading.Thread(target=read_all)
        reader.start()
        out = process.stdout.read().decode()
    reader.join()
    os.close(leader)
    return b"".join(shown).decode(), process.returncode, out


def test_values_equal_those_of_the_library(predict, fasta, toy_model):
    import dreamkeras

    rows = [line.split("\t") for line in predict(fasta).stdout.splitlines()[1:]]
    np.testing.assert_allclose(np.array([row[1:] for row in rows], float), dreamkeras.load(toy_model).predict(SEQUENCES.values()))
