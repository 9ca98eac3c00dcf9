import dataclasses
import json
import math
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import killed_run
import numpy as np
import pytest
from filled_pipe import CHANNELS, filled_pipe, through
from tiny_network import tiny_preset, write_library

from dreamkeras.training.names import BACKENDS

keras = pytest.importorskip("keras")
for package in ("matplotlib", "onnx", "onnxruntime", "tf2onnx"):
    pytest.importorskip(package)

BACKEND = keras.backend.backend()
ENV = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"} | {"KERAS_BACKEND": BACKEND}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return write_library(tmp_path_factory.mktemp("data") / "library.tsv", 100)


@pytest.fixture(scope="module")
def promoters(tmp_path_factory):
    """Bytes of a library that is larger than the part that is read to recognise the format."""
    return write_library(tmp_path_factory.mktemp("data") / "t.tsv", 800).read_bytes()


@pytest.fixture
def quick(monkeypatch):
    with tiny_preset() as patch:
        yield patch


@pytest.fixture
def train(run, quick):
    """`train(*args)`: the command in this process, with the tiny network."""
    return lambda *args: run("train", "--model", "tiny", "--epochs", 1, "--batch-size", 64, *args)


def one_line_error(result, *parts):
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    for part in parts:
        assert str(part) in result.stderr
    return True


class TestRun:
    def test_progress_and_result_are_printed_to_standard_error(self, train, library, tmp_path):
        result = train(library, "--out", tmp_path / "run")
        assert (result.exit_code, result.stdout) == (0, "")
        read, held, first, line, *others, summary = result.stderr.splitlines()
        assert all(line.startswith("Warning: ") for line in others)  # the tiny network may be behind its baseline
        assert read == "Read 100 rows of library.tsv."
        assert held.startswith("Held out 10 of 100 sequences (10.0 %). ")
        assert first == f"Training on 90 sequences, validating on 10: 3 steps of 64 in 1 epoch, strategy autosome, {BACKEND}."
        assert line.startswith("epoch 1/1  loss ")
        assert summary.startswith(f"{tmp_path / 'run'}: validation r ")
        assert summary.endswith(" on 10 sequences (epoch 1)")

    def test_options_set_the_configuration(self, run, quick, library, tmp_path):
        quick.setattr("dreamkeras.training.run._fit", lambda *args: {"r": 0.5, "mse": 1.0, "n": 10, "best_epoch": 2})
        chosen = {"model": "tiny", "epochs": 7, "batch_size": 16, "learning_rate": 0.25, "patience": 3, "seed": 5, "minutes": 9.0}
        chosen |= {"strategy": "bhi", "optimizer": "lion", "loss": "huber", "ema": 0.9, "mask": 0.1, "detect_mutations": 0.05}
        chosen |= {"slide": 3, "jitter": 0.2, "test_shifts": 1}
        flags = [text for name, value in chosen.items() for text in (f"--{name.replace('_', '-')}", value)]
        result = run("train", library, "--valid", library, "--precision", "bfloat16", "--balance", *flags, "--out", tmp_path / "run")
        assert result.exit_code == 0
        written = json.loads((tmp_path / "run" / "config.json").read_text())
        chosen |= {"valid": str(library), "data": str(library), "precision": "bfloat16", "backend": BACKEND, "balance": True}
        assert written.items() >= {**chosen, "simulated": None, "steps": None}.items()

    def test_every_field_of_the_configuration_has_an_option(self):
        from dreamkeras.cli.commands.train import command
        from dreamkeras.cli.options.atac import ATAC_FIELDS
        from dreamkeras.cli.options.table import OPTIONS as TABLE_OPTIONS
        from dreamkeras.training.config import RunConfig

        fields = {field.name for field in dataclasses.fields(RunConfig)}
        beside = {"out", "resume", "dry_run", "config", "parallel", *TABLE_OPTIONS, *ATAC_FIELDS}
        options_of_runs = {parameter.name for parameter in command.params} - beside
        stored = {"fingerprint", "test_fingerprint", "fitted_steps", "extended_after", "alternates"}
        assert fields - options_of_runs == {"simulated", "table", "atac", "construct", *stored}
        assert options_of_runs <= fields

    def test_steps_replace_epochs(self, run, quick, library, tmp_path):
        result = run("train", library, "--model", "tiny", "--batch-size", 64, "--steps", 4, "--out", tmp_path / "run")
        assert result.exit_code == 0
        assert [line.split()[1] for line in result.stderr.splitlines() if line.startswith("epoch")] == ["1/2", "2/2"]
        assert json.loads((tmp_path / "run" / "metrics.json").read_text())["steps"] == 4
        both = run("train", library, "--steps", 4, "--epochs", 2, "--out", tmp_path / "both")
        assert both.exit_code == 2
        assert "Set only one of the options that determine the length of training, got epochs and steps." in both.stderr

    def test_folds_are_trained_in_order(self, train, quick, library, tmp_path):
        quick.setattr("dreamkeras.training.cross_validation.export_ensemble", lambda folders, output, **options: output.touch())
        result = train(library, "--folds", 2, "--batch-size", 32, "--out", tmp_path / "cv")
        assert (result.exit_code, result.stdout) == (0, "")
        lines = result.stderr.splitlines()
        assert [line for line in lines if line.startswith("fold ")] == [
            f"fold {number + 1}/2: {tmp_path}/cv/fold-{number}" for number in (0, 1)
        ]
        assert lines[-1].startswith(f"{tmp_path / 'cv'}: r ")
        assert lines[-1].endswith(" on 100 sequences held out in 2 folds")

    def test_cross_validation_is_resumed(self, run, train, quick, library, tmp_path):
        quick.setattr("dreamkeras.training.cross_validation.export_ensemble", lambda folders, output, **options: output.touch())
        train(library, "--folds", 2, "--batch-size", 32, "--out", tmp_path / "cv")
        before = (tmp_path / "cv" / "metrics.json").read_bytes()
        (tmp_path / "cv" / "metrics.json").unlink()
        result = run("train", "--resume", "--out", tmp_path / "cv")
        lines = [line for line in result.stderr.splitlines() if not line.startswith("Warning: ")]
        assert (result.exit_code, len(lines)) == (0, 4)  # how the folds were drawn, two folds, the summary
        assert (tmp_path / "cv" / "metrics.json").read_bytes() == before
        assert one_line_error(train(library, "--folds", 2, "--out", tmp_path / "cv"), "new or empty folder", "--resume")

    def test_seeds_are_trained_as_one_model(self, run, train, quick, library, tmp_path):
        trained = []

        def train_ensemble(config, folder, report, backend, **options):
            trained.append((config, backend, options))
            (folder / "x").mkdir(parents=True, exist_ok=True)
            config.write(folder / "config.json")
            report("seed-2: epoch 1/1")
            test = {"r": math.nan, "mse": 3.0, "n": 4, "auroc": 0.75}
            return {"r": 0.5, "mse": 1.0, "n": 10, "seeds": dict.fromkeys("234"), "mean_of_seeds": {"r": 0.25, "mse": 2.0}, "test": test}

        quick.setattr("dreamkeras.training.ensemble.train.train_ensemble", train_ensemble)
        result = train(library, "--ensemble", 3, "--parallel", 2, "--seed", 2, "--out", tmp_path / "run")
        assert (result.exit_code, result.stdout) == (0, "")
        summary = "validation r 0.500 on 10 sequences (mean prediction of 3 networks; mean of the networks: r 0.250)"
        test = "test r undefined (mean squared error 3), AUROC 0.750 on 4 sequences"
        assert result.stderr.splitlines() == ["seed-2: epoch 1/1", f"{tmp_path / 'run'}: {summary}", f"{tmp_path / 'run'}: {test}"]
        config, backend, options = trained[0]
        assert (config.ensemble, config.seed, config.backend, backend) == (3, 2, BACKEND, BACKEND)
        assert options == {"parallel": 2, "resume": False}
        assert run("train", "--resume", "--epochs", 4, "--parallel", 1, "--out", tmp_path / "run").exit_code == 0
        assert (trained[1][0].epochs, trained[1][2]) == (4, {"parallel": 1, "resume": True})

    @pytest.mark.parametrize(
        ("args", "networks", "size"),
        [
            ([], ("dream-cnn-small", "positional-cnn-small"), "auto"),
            (["--ensemble", 3], ("dream-cnn-small", "positional-cnn-small"), 3),
            (["--ensemble", 1], ("dream-cnn-small",), None),
            (["--model", "tiny"], ("tiny",), None),
            (["--model", "tiny", "--ensemble", 2], ("tiny",), 2),
            (["--model", "tiny", "--model", "dream-rnn-small"], ("tiny", "dream-rnn-small"), 2),
            (["--model", "tiny", "--model", "dream-rnn-small", "--ensemble", 4], ("tiny", "dream-rnn-small"), 4),
            (["--learning-curve"], ("dream-cnn-small",), None),
            (["--folds", 2], ("dream-cnn-small",), None),
            (["--assay", "yeast"], ("dream-cnn-small",), None),
        ],
    )
    def test_a_table_is_trained_by_different_networks(self, run, quick, library, tmp_path, args, networks, size):
        configs = []
        metrics = {"r": 0.5, "mse": 1.0, "n": 10, "best_epoch": 1, "seeds": {}, "mean_of_seeds": {"r": 0.25, "mse": 2.0}, "folds": {}}
        for name in ("ensemble.train.train_ensemble", "run.train", "cross_validation.cross_validate"):
            quick.setattr(f"dreamkeras.training.{name}", lambda config, *_, **__: configs.append(config) or metrics)
        columns = [] if "yeast" in args else ["--assay", "table", "--sequence-column", 0, "--target-column", 1]
        result = run("train", library, *columns, *args, "--out", tmp_path / "run")
        assert (result.exit_code, configs[0].networks, configs[0].ensemble) == (0, networks, size)

    def test_parallel_without_an_ensemble_is_refused(self, run, library, tmp_path):
        result = run("train", library, "--parallel", 2, "--out", tmp_path / "run")
        assert (result.exit_code, "--parallel has no effect without --ensemble." in result.stderr) == (2, True)

    def test_an_ensemble_of_folds_is_refused_in_one_line(self, run, library, tmp_path):
        result = run("train", library, "--ensemble", 2, "--folds", 3, "--out", tmp_path / "run")
        assert (result.exit_code, "Set only one of ensemble and folds" in result.stderr) == (2, True)

    def test_simulation_without_data_is_reported(self, run, quick, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        configs, metrics = [], {"r": 0.5, "mse": 1.0, "n": 2_000, "best_epoch": 2}
        quick.setattr("dreamkeras.training.run.train", lambda *args: configs.append(args) or metrics)
        result = run("train")
        assert result.stderr.splitlines() == [
            "No DATA given: training on 20,000 simulated yeast promoters.",
            "runs/dream-cnn-small: validation r 0.500 on 2,000 sequences (epoch 2)",
        ]
        config, folder = configs[0]
        assert (config.data, config.model, folder) == (None, "dream-cnn-small", Path("runs/dream-cnn-small"))

    def test_peaks_have_a_separate_default_network(self, run, quick, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "peaks.bed").write_text("chr1\t1\t9\n")
        configs, metrics = [], {"r": 0.5, "mse": 1.0, "n": 20, "best_epoch": 2, "peaks": 12, "peaks_r": 0.25}
        quick.setattr("dreamkeras.training.run.train", lambda *args: configs.append(args) or metrics)
        result = run("train", "peaks.bed", "--assay", "atac", "--genome", "g.fa", "--signal", "s.bw", "--bias", "b", "--length", 2000)
        config, folder = configs[0]
        assert (config.model, folder, config.bias, config.atac.length) == ("bpnet-small", Path("runs/bpnet-small"), "b", 2000)
        assert result.stderr.endswith(": validation r 0.500 on 20 sequences, r 0.250 on the 12 peaks alone (epoch 2)\n")

    def test_several_files_and_a_test_set_are_trained_on_and_reported(self, run, quick, monkeypatch, library, tmp_path):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "more.tsv").write_text("ACGT\t1\n")
        (tmp_path / "test.tsv").write_text("ACGT\t1\n")
        configs, metrics = [], {"r": 0.5, "mse": 1.0, "n": 20, "best_epoch": 2, "test": {"r": 0.75, "mse": 1.0, "n": 1}}
        quick.setattr("dreamkeras.training.run.train", lambda *args: configs.append(args[0]) or metrics)
        result = run("train", library, "more.tsv", "--test", "test.tsv", "--out", "run")
        assert (configs[0].files, configs[0].test) == ((str(library), "more.tsv"), "test.tsv")
        assert result.stderr.splitlines()[-2:] == [
            "run: validation r 0.500 on 20 sequences (epoch 2)", "run: test r 0.750 on 1 sequence",
        ]  # fmt: skip
        run("train", library, "--valid-fold", "val", "--test-fold", 3, "--out", "run")
        assert (configs[1].data, configs[1].valid_fold, configs[1].test_fold) == (str(library), "val", 3)
        missing = run("train", library, "none.tsv", "--out", "run")
        assert (missing.exit_code, "none.tsv" in missing.stderr) == (1, True)

    def test_a_learning_curve_is_an_option_of_a_single_run(self, run, train, library, tmp_path):
        result = train(library, "--learning-curve", "--out", tmp_path / "run")  # 90 training sequences are too few
        assert (result.exit_code, "Warning: No learning curve: it requires at least 400" in result.stderr) == (0, True)
        assert json.loads((tmp_path / "run" / "config.json").read_text())["learning_curve"] is True
        folds = train(library, "--learning-curve", "--folds", 2, "--out", tmp_path / "cv")
        assert folds.exit_code == 2
        assert "A learning curve requires a single run. Set valid_fold, or omit folds." in folds.stderr

    def test_unused_folds_are_refused(self, run, library, tmp_path):
        table = ("--assay", "table", "--target-column", "1", "--fold-column", "2")
        result = run("train", library, *table, "--out", tmp_path / "run")
        said = "--fold-column has no effect without --valid-fold NAME, --test-fold NAME or --folds given." in result.stderr
        assert (result.exit_code, said) == (2, True)
        result = run("train", library, *table, "--folds", 3, "--out", tmp_path / "run")
        assert (result.exit_code, "With --folds 3, the folds are drawn at random." in result.stderr) == (2, True)

    @pytest.mark.parametrize("division", [("--valid", "x.tsv"), ("--valid-fold", "3"), ("--folds", "given")])
    def test_split_seed_without_a_random_split_is_refused(self, run, library, tmp_path, division):
        result = run("train", library, *division, "--split-seed", 8, "--out", tmp_path / "run")
        wanted = (
            f"--split-seed has no effect with {' '.join(division) if 'given' in division else division[0]}, which draws no random split."
        )
        assert (result.exit_code, wanted in result.stderr) == (2, True)
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize("division", [("--valid", "x.tsv"), ("--valid-fold", "3"), ("--folds", "given")])
    def test_a_rule_of_the_hold_out_without_a_random_split_is_refused(self, run, library, tmp_path, division):
        result = run("train", library, *division, "--holdout", "random", "--out", tmp_path / "run")
        assert (result.exit_code, "--holdout has no effect with --" in result.stderr) == (2, True)
        assert not (tmp_path / "run").exists()

    def test_the_rule_of_the_hold_out_is_passed_on(self, run, quick, library, tmp_path):
        configs = []
        metrics = {"r": 0.5, "mse": 1.0, "n": 10, "best_epoch": 2}
        quick.setattr("dreamkeras.training.run.train", lambda config, folder: configs.append(config.holdout) or metrics)
        for rule in ((), ("--holdout", "similar"), ("--holdout", "random")):
            assert run("train", library, *rule, "--out", tmp_path / "run").exit_code == 0
        assert configs == ["auto", "similar", "random"]

    @pytest.mark.parametrize("division", [(), ("--valid-fraction", 0.2), ("--folds", 2), ("--folds", 2, "--valid-fold", 1)])
    def test_the_split_has_a_separate_seed(self, run, quick, library, tmp_path, division):
        configs = []
        for target in ("run.train", "cross_validation.cross_validate"):
            metrics = {"r": 0.5, "mse": 1.0, "n": 10, "best_epoch": 2, "folds": [1, 2]}
            quick.setattr(f"dreamkeras.training.{target}", lambda config, *_, metrics=metrics: configs.append(config) or metrics)
        assert run("train", library, *division, "--split-seed", 8, "--out", tmp_path / "run").exit_code == 0
        assert configs[0].split_seed == 8

    def test_standard_error_has_only_lines_of_dreamkeras(self, spawn, library, tmp_path):
        done = spawn("train", library, "--epochs", 1, "--batch-size", 90, "--out", tmp_path / "run", env=ENV, timeout=300)
        assert (done.returncode, done.stdout) == (0, "")
        *_, line, summary = done.stderr.splitlines()
        assert line.startswith("epoch 1/1  loss ")
        assert summary.startswith(f"{tmp_path / 'run'}: validation r ")

    def test_a_progress_bar_is_shown_on_a_terminal(self, library, tmp_path):
        shown, out, code = self.on_terminal(
            "train", library, "--model", "tiny", "--epochs", 1, "--batch-size", 64, "--out", tmp_path / "run"
        )
        assert (code, out) == (0, "")
        assert "\x1b[?25l" in shown  # the bar hides the cursor
        assert "\x1b[?25h" in shown  # and shows it again
        assert "━" in shown
        assert "epoch 1/1  loss " in shown

    def on_terminal(self, *args):
        """Runs a command with a terminal as standard error. Returns the text on the terminal, standard output and the exit status."""
        leader, follower = pty.openpty()
        command = [sys.executable, killed_run.__file__, "never", *map(str, args)]
        env = {**ENV, "TERM": "xterm", "COLUMNS": "100", "PYTHONUTF8": "1"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=follower, env=env) as process:
            os.close(follower)
            shown = b""
            try:
                while part := os.read(leader, 4096):
                    shown += part
            except OSError:  # Linux raises EIO after the other side has closed
                pass
            out = process.stdout.read().decode()
        os.close(leader)
        return shown.decode(), out, process.returncode


def interrupt(*args, **options):
    raise KeyboardInterrupt


class TestResume:
    def test_a_finished_run_can_be_resumed(self, run, train, library, tmp_path):
        train(library, "--out", tmp_path / "run")
        history = (tmp_path / "run" / "history.csv").read_bytes()
        result = run("train", "--resume", "--out", tmp_path / "run")
        *others, summary = result.stderr.splitlines()
        assert (result.exit_code, result.stdout, summary.startswith(str(tmp_path / "run"))) == (0, "", True)
        assert all(line.startswith("Warning: ") for line in others)
        assert (tmp_path / "run" / "history.csv").read_bytes() == history

    def test_a_missing_run_is_one_line(self, run, tmp_path):
        assert one_line_error(run("train", "--resume", "--out", tmp_path / "run"), "No run to resume: ", "config.json does not exist.")

    def test_data_that_moved_and_more_epochs_are_accepted(self, run, train, library, tmp_path):
        train(library, "--out", tmp_path / "run")
        moved = tmp_path / "moved.tsv"
        moved.write_bytes(library.read_bytes())
        result = run("train", moved, "--resume", "--epochs", 2, "--out", tmp_path / "run")
        assert (result.exit_code, [line.split()[:2] for line in result.stderr.splitlines()[:4]]) == (
            0, [["Read", "100"], ["Held", "out"], ["Training", "on"], ["epoch", "2/2"]],
        )  # fmt: skip
        config = json.loads((tmp_path / "run" / "config.json").read_text())
        assert (config["data"], config["epochs"], config["extended_after"]) == (str(moved), 2, [1])
        assert "extended after 1" in (tmp_path / "run" / "README.md").read_text()

    def test_an_interruption_before_changes_are_stored_repeats_them(self, run, train, quick, library, tmp_path):
        folder = tmp_path / "run"
        train(library, "--out", folder)
        moved = tmp_path / "moved data.tsv"
        moved.write_bytes(library.read_bytes())
        command = ["train", str(moved), "--resume", "--out", str(folder), "--epochs", "2"]
        for function, wanted in (("read_data", command), ("_fit", ["train", "--resume", "--out", str(folder)])):
            with quick.context() as patch:
                patch.setattr(f"dreamkeras.training.run.{function}", interrupt)
                result = run(*command)
            assert (result.exit_code, result.stderr.splitlines()[-1]) == (
                130, f"Interrupted. Resume the run with: {shlex.join(['dreamkeras', *wanted])}",
            )  # fmt: skip

    def test_other_data_are_one_line(self, run, train, library, tmp_path):
        train(library, "--out", tmp_path / "run")
        other = write_library(tmp_path / "other.tsv", 100, seed=5)
        result = run("train", other, "--resume", "--out", tmp_path / "run")
        assert one_line_error(result, f"the data in {other} differ from the data with which the run was started.")

    @pytest.mark.parametrize("args", [["--jitter", "1"], ["--model", "dream-cnn-small"], ["--seed", "0"]])
    def test_resume_with_other_options_is_refused(self, run, tmp_path, args):
        result = run("train", "--resume", "--out", tmp_path / "run", *args)
        assert result.exit_code == 2
        assert "--resume can only be combined with DATA, --out, --backend, --valid, " in result.stderr
        assert f"got {args[0]}." in result.stderr

    def test_another_backend_is_refused(self, run, quick, tmp_path):
        other = next(name for name in BACKENDS if name != BACKEND)
        (tmp_path / "config.json").write_text(json.dumps({"backend": other}))
        assert one_line_error(
            run("train", "--resume", "--out", tmp_path, "--backend", BACKEND), f"Expected backend {other}", f"got {BACKEND}"
        )

    def test_a_malformed_checkpoint_is_one_line(self, run, train, library, tmp_path):
        train(library, "--out", tmp_path / "run")
        checkpoint = tmp_path / "run" / "checkpoint" / "state.npz"
        checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
        assert one_line_error(
            run("train", "--resume", "--out", tmp_path / "run"), f"Cannot read {checkpoint} as a checkpoint of a training run: "
        )


class TestStreams:
    """Runs that are stopped before training, after the data are read and the configuration is written."""

    TABLE = ("--assay", "table", "--target-column", "y")

    @pytest.fixture
    def begun(self, run, quick, tmp_path):
        """`begun(*args, stdin=None)`: the choices of the run that a command begins, and a line on each file."""
        read = []

        def fit(config, plan, folder, data, *args):
            read[:] = data.read
            return {"r": 0.5, "mse": 1.0, "n": 10, "best_epoch": 2}

        quick.setattr("dreamkeras.training.run._fit", fit)

        def begin(*args, stdin=None):
            folder = tmp_path / os.urandom(4).hex()
            result = run("train", "--model", "tiny", "--epochs", 1, *args, "--out", folder, stdin=stdin)
            assert result.exit_code == 0, result.stderr
            return json.loads((folder / "config.json").read_text()), [*read]

        return begin

    @pytest.fixture
    def table(self, promoters):
        """A table that is read three times, to find the window length, and in which 40 rows lack a value."""
        rows = [line.split("\t") for line in promoters.decode().splitlines()]
        lines = [f"{text}\t{'' if i % 20 == 0 else value}\t{i % 2}" for i, (text, value) in enumerate(rows)]
        return "\n".join(["seq\ty\tfold", *lines, ""]).encode()

    @pytest.mark.parametrize("channel", CHANNELS)
    @pytest.mark.parametrize("kind", ["yeast", "table"])
    def test_files_and_pipes_give_the_same_data(self, begun, promoters, table, tmp_path, kind, channel):
        content = promoters if kind == "yeast" else table
        args = self.TABLE if kind == "table" else ()
        (tmp_path / "t.tsv").write_bytes(content)
        wanted, told = begun(tmp_path / "t.tsv", *args)
        rest = "; skipped 40 without a value." if kind == "table" else "."
        assert told == [f"Read 800 rows of t.tsv{rest}"]
        config, told = through(channel, tmp_path / "u.tsv", content, lambda path, stdin: begun(path, *args, stdin=stdin))
        assert (told[0].startswith("Read 800 rows of"), told[0].endswith(rest), "standard input" in told[0]) == (
            True,
            True,
            "dash" in channel,
        )
        assert len(content) > 80_000
        apart = {name for name in wanted if config[name] != wanted[name]}
        assert apart == {"data"}

    def test_validation_data_can_be_pipes(self, begun, promoters, tmp_path):
        (tmp_path / "t.tsv").write_bytes(promoters)
        wanted, _ = begun(tmp_path / "t.tsv", "--valid", tmp_path / "t.tsv")
        with filled_pipe(promoters) as pipe:
            config, told = begun("-", "--valid", pipe, stdin=promoters)
        assert (config["fingerprint"], config["data"], config["valid"]) == (wanted["fingerprint"], "-", pipe)
        assert told == ["Read 800 rows of standard input.", f"Read 800 rows of {pipe}."]

    def test_folds_can_be_read_from_a_pipe(self, run, quick, table, tmp_path):
        quick.setattr("dreamkeras.training.run._fit", lambda *args: {})
        quick.setattr("dreamkeras.training.cross_validation._join", lambda *args: {"folds": [0, 1], "r": None, "mse": None, "n": 760})
        quick.setattr("dreamkeras.training.cross_validation._export", lambda *args: None)
        (tmp_path / "t.tsv").write_bytes(table)
        args = ("train", "--model", "tiny", *self.TABLE, "--fold-column", "fold", "--folds", "given")
        assert run(*args, tmp_path / "t.tsv", "--out", tmp_path / "a").exit_code == 0
        with filled_pipe(table) as pipe:
            assert run(*args, pipe, "--out", tmp_path / "b").exit_code == 0
        one, other = (
            [json.loads((tmp_path / name / f"fold-{fold}" / "config.json").read_text())["fingerprint"] for fold in (0, 1)] for name in "ab"
        )
        assert one == other

    def test_a_run_on_a_pipe_is_resumed_only_from_a_file(self, run, begun, promoters, tmp_path, monkeypatch):
        begun("-", stdin=promoters)
        (folder,) = (path.parent for path in tmp_path.glob("*/config.json"))
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        result = run("train", "--resume", "--out", folder, stdin=promoters)
        way = f"save the same data as FILE, and run: dreamkeras train FILE --resume --out {folder}"
        assert one_line_error(result, f"got standard input, which can be read only once: {way}")
        assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        (tmp_path / "t.tsv").write_bytes(promoters)
        assert run("train", tmp_path / "t.tsv", "--resume", "--out", folder).exit_code == 0

    @pytest.mark.parametrize("valid", ["-", "/dev/stdin"])
    def test_a_pipe_cannot_be_both_training_and_validation_data(self, spawn, promoters, tmp_path, valid):
        done = spawn("train", "-", "--valid", valid, "--out", tmp_path / "run", input=promoters.decode())
        assert (done.returncode, done.stderr) == (
            1, "Error: Two inputs refer to standard input, which can be read only once. Use a file for one of the inputs.\n",
        )  # fmt: skip
        assert not (tmp_path / "run").exists()

    def test_the_copy_of_a_pipe_is_removed(self, begun, promoters, tmp_path, monkeypatch):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        with filled_pipe(promoters) as pipe:
            begun(pipe)
        assert [path.name for path in tmp_path.iterdir() if not (path / "config.json").exists()] == []


GOOD = "A" * 110 + "\t5\n"

FEW = "".join(f"{row}\t5\n" for row in map("".join, np.random.default_rng(0).choice(list("ACGT"), (20, 80))))


class TestBadInput:
    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            (None, ["data.tsv"]),
            ("", ["data.tsv", "empty"]),
            ("ACGT\n" * 3, ["two columns", "data.tsv", "line 1"]),
            ("sequence\n" + "ACGT\n", ["column named 'value'", "data.tsv"]),
            (GOOD + "A" * 110 + "\thigh\n", ["'high'", "data.tsv", "line 2"]),
            (GOOD + "A" * 110 + "\tnan\n", ["nan", "data.tsv", "line 2"]),
            (GOOD + "A" * 110 + "\t99\n", ["99", "data.tsv", "line 2"]),
            (GOOD + "A!" * 55 + "\t5\n", ["'!'", "data.tsv", "line 2"]),
            (GOOD, ["Cannot hold out a share of"]),
            (FEW, ["Expected at least 64 examples for one batch"]),
        ],
        ids=["missing", "empty", "one column", "one column with a name", "text", "nan", "range", "letter", "one row", "less than a batch"],
    )
    def test_errors_of_the_data_are_one_line(self, train, tmp_path, text, parts):
        data = tmp_path / "data.tsv"
        if text is not None:
            data.write_text(text)
        assert one_line_error(train(data, "--out", tmp_path / "runs" / "x"), *parts)
        assert not (tmp_path / "runs").exists()

    def test_errors_of_the_validation_data_are_one_line(self, train, library, tmp_path):
        (tmp_path / "valid.tsv").write_text(GOOD + "A" * 110 + "\t\n")
        result = train(library, "--valid", tmp_path / "valid.tsv", "--out", tmp_path / "run")
        assert one_line_error(result, "valid.tsv", "line 2")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(("option", "known"), [("model", "dream-cnn-small"), ("assay", "yeast"), ("strategy", "autosome")])
    def test_errors_on_unknown_names_list_the_known_names(self, train, library, tmp_path, option, known):
        assert one_line_error(train(library, f"--{option}", "nonesuch", "--out", tmp_path / "run"), "'nonesuch'", known)
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        ("option", "value", "part"),
        [
            ("--learning-rate", "-1", "Expected a number above 0, got -1."),
            ("--learning-rate", "1e39", "Expected 0 or a number of size 1.2e-38 to 3.4e+38, got 1e39."),
            ("--seed", "-1", "Expected a whole number from 0 to 4294967295, got -1."),
            ("--valid-fraction", "1.5", "Expected a number above 0 and below 1, got 1.5."),
        ],
    )
    def test_numbers_out_of_range_are_wrong_usage(self, train, library, tmp_path, option, value, part):
        result = train(library, option, value, "--out", tmp_path / "run")
        assert (result.exit_code, result.stderr.splitlines()[-1]) == (2, f"Error: Invalid value for '{option}': {part}")
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        "args",
        [
            ["--epochs", "0"],
            ["--backend", "theano"],
            ["--precision", "int8"],
            ["--batch-size", "1"],
            ["--weight", "log"],
            ["--folds", "all"],
            ["--learning-rate", "nan"],
        ],
    )
    def test_wrong_usage_exits_2(self, run, args):
        assert run("train", *args).exit_code == 2

    def test_a_folder_with_files_is_refused(self, train, library, tmp_path):
        (tmp_path / "notes.txt").touch()
        assert one_line_error(train(library, "--out", tmp_path), "new or empty folder", "--resume")
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_an_unwritable_folder_is_one_line(self, train, library, tmp_path):
        (tmp_path / "file").touch()
        assert one_line_error(train(library, "--out", tmp_path / "file" / "run"), "file/run", "Not a directory")
        assert one_line_error(train(library, "--out", tmp_path / "file"), "new or empty folder")

    def test_a_missing_backend_is_one_line(self, train, library, tmp_path, monkeypatch):
        monkeypatch.setattr("dreamkeras.training.backend._installed", lambda package: package != "jax")
        assert one_line_error(train(library, "--backend", "jax", "--out", tmp_path / "run"), "pip install 'dreamkeras[jax]'")

    def test_missing_keras_is_one_line(self, train, library, monkeypatch):
        monkeypatch.setattr("dreamkeras.training.backend._installed", lambda package: package != "keras")
        assert one_line_error(train(library), "pip install 'dreamkeras[train]'")

    def test_a_diverging_loss_is_one_line(self, train, library, tmp_path):
        result = train(library, "--learning-rate", "1e30", "--out", tmp_path / "run")
        assert result.exit_code == 1
        _, _, began, error = result.stderr.splitlines()
        assert began.startswith("Training on 90 sequences")
        assert error == "Error: Expected a finite loss, got nan in epoch 1. Try a lower learning rate."


class TestFullDisk:
    @pytest.fixture
    def disk(self, tmp_path):
        """A disk of 16 kB, which is too small for a checkpoint."""
        folder = tmp_path / "disk"
        folder.mkdir()
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)], capture_output=True, check=False)
        if mount.returncode:
            pytest.skip("no right to mount a small disk")
        yield folder
        subprocess.run(["umount", str(folder)], check=True)

    def test_is_one_line_that_names_the_file(self, train, library, disk):
        result = train(library, "--out", disk / "run")
        lines = result.stderr.splitlines()
        assert (result.exit_code, result.stdout) == (1, "")
        assert lines[-1].startswith("Error: Cannot write ")
        assert "No space left on device" in lines[-1]
        assert {line.split()[0] for line in lines[:-1]} <= {"Read", "Held", "Training", "epoch"}
        assert sorted(path.name for path in (disk / "run").rglob("*")) == ["checkpoint", "config.json"]


def test_help_lists_all_strategies_and_describes_all_options(run):
    from dreamkeras.cli.commands.train import command
    from dreamkeras.training.strategy.strategies import STRATEGIES

    shown = run("train", "--help").stdout
    assert all(name in shown for name in STRATEGIES)
    assert all(parameter.help for parameter in command.params if parameter.param_type_name == "option" and parameter.name != "data")
