"""Signals and standard streams of commands, each in a process of its own."""

import _thread
import errno
import os
import signal
import subprocess
import sys

import pytest

from dreamkeras.cli.process import describe, hint_at_stop, start_fewer_threads, stopped_by_signals

COMMAND = (sys.executable, "-m", "dreamkeras")
PAUSED = """
import signal, threading
signal.signal({number}, signal.SIG_DFL if {number} != signal.SIGINT else signal.default_int_handler)  # nohup ignores SIGHUP
def stop(*args, **options):
    signal.pthread_kill(threading.main_thread().ident, {number})
    raise RuntimeError
from {module} import {owner}
setattr({owner}, "{name}", stop)
from dreamkeras.cli.main import main
main(prog_name="dreamkeras")
"""
SCORING = ("dreamkeras.scoring.predictor", "OnnxPredictor", "score_windows")
TABLE = "table.tsv --assay table --sequence-column sequence --target-column gc --target-column a --left-adapter= --right-adapter="
MOMENTS = {
    "predict": (SCORING, "seqs.fa -m MODEL -o OUT"),
    "predict --resume": (SCORING, "seqs.fa -m MODEL -o OUT"),
    "mutagenesis": (SCORING, "seqs.fa -m MODEL -o OUT"),
    "ablate": (SCORING, "seqs.fa -m MODEL -o OUT"),
    "marginalise": (SCORING, "GCA -m MODEL -o OUT"),
    "variants": (SCORING, "some.vcf --genome genome.fa -m MODEL -o OUT"),
    "design": (SCORING, "--target max --task gc --random 2 -m MODEL -o OUT"),
    "evaluate": (SCORING, f"{TABLE} -m MODEL -o OUT"),
    "calibrate": (SCORING, f"{TABLE} -m MODEL -o OUT"),
    "simulate": (("dreamkeras.data.simulation", "library", "simulate"), "-o OUT"),
}
"""The function that is running when the signal arrives, and the arguments of each command."""

TO_STANDARD_OUTPUT = ("predict", "mutagenesis", "ablate", "marginalise", "variants", "simulate")
INPUTS = {
    "seqs.fa": ">a\nACGTACGT\n>b\nACGTACGA\n",
    "some.vcf": "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nchr1\t9\t.\tA\tG\t.\t.\t.\n",
    "genome.fa": f">chr1\n{'ACGT' * 10}\n",
    "table.tsv": "sequence\tgc\ta\n" + "".join(f"ACGTACG{base}\t1\t{row}\n" for row, base in enumerate("ACGT" * 3)),
}
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals and no closed streams")


@pytest.fixture
def folder(tmp_path):
    for name in ("work", "tmp"):
        (tmp_path / name).mkdir()
    for name, text in INPUTS.items():
        (tmp_path / "work" / name).write_text(text)
    return tmp_path


def environment(folder):
    return {**os.environ, "TMPDIR": str(folder / "tmp")}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
@pytest.mark.parametrize(
    ("command", "output"), [*((command, "out.tsv") for command in MOMENTS), *((command, "-") for command in TO_STANDARD_OUTPUT)]
)
def test_a_signal_leaves_no_file_behind(folder, toy_model, command, output, number):
    (module, owner, name), arguments = MOMENTS[command]
    code = PAUSED.format(number=int(number), module=module, owner=owner, name=name)
    named = {"MODEL": str(toy_model), "OUT": output}
    line = [sys.executable, "-c", code, *command.split(), *(named.get(argument, argument) for argument in arguments.split())]
    done = subprocess.run(line, cwd=folder / "work", env=environment(folder), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (128 + number, "", False)
    assert done.stderr.splitlines()[-1] == f"Stopped by {number.name}."
    assert "resume" not in done.stderr
    assert {path.name for path in folder.rglob("*")} - {"genome.fa.fai"} == {"work", "tmp", *INPUTS}


def test_a_signal_that_arrives_while_an_object_is_deleted_stops_the_command(folder):
    """Python ignores exceptions in `__del__`."""
    code = """
import os, signal, threading
signal.signal(signal.SIGTERM, signal.SIG_DFL)
class Deleted:
    def __del__(self):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
        sum(range(1000))
def simulate(*args, **options):
    Deleted()
    threading.Event().wait(60)
    os._exit(9)
from dreamkeras.data.simulation import library
library.simulate = simulate
from dreamkeras.cli.main import main
main(["simulate", "-o", "out.tsv"], prog_name="dreamkeras")
"""
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=folder / "work", env=environment(folder), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "Stopped by SIGTERM.\n")
    assert {path.name for path in folder.rglob("*")} == {"work", "tmp", *INPUTS}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_interrupted_training_says_how_to_resume(folder, number):
    code = PAUSED.format(number=int(number), module="keras", owner="Model", name="fit")
    line = [sys.executable, "-c", code, "train", "--model", "dream-cnn-small", "--epochs", "1", "--out", "my run"]
    done = subprocess.run(line, cwd=folder / "work", env=environment(folder), capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (128 + number, False)
    assert "Interrupted. Resume the run with: dreamkeras train --resume --out 'my run'" in done.stderr.splitlines()
    assert list((folder / "tmp").iterdir()) == []


def test_ignored_signals_stay_ignored(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stopped_by_signals():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_does_not_interrupt_the_cleaning_up():
    cleaned = []

    @stopped_by_signals()
    def run():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGHUP)
            cleaned.append("all")

    with pytest.raises(SystemExit) as stopped:
        run()
    assert (stopped.value.code, cleaned) == (143, ["all"])
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_library_that_replaces_the_exception_does_not_hide_the_signal(folder):
    code = (
        "import signal\nfrom dreamkeras.data.simulation import library\nfrom dreamkeras.cli.main import main\n"
        "def fail(*args):\n try: signal.raise_signal(signal.SIGTERM)\n except BaseException: raise ImportError('x')\n"
        "library.simulate = fail\nmain(['simulate'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "Stopped by SIGTERM.\n")


@pytest.mark.parametrize("text", ["Repeat the command.", ""])
def test_hint_is_printed_after_an_interruption_only(capsys, text):
    with hint_at_stop(lambda: text):
        pass
    with pytest.raises(ValueError, match="x"), hint_at_stop(lambda: text):
        raise ValueError("x")
    assert capsys.readouterr().err == ""
    with pytest.raises(KeyboardInterrupt), hint_at_stop(lambda: text):
        raise KeyboardInterrupt
    assert capsys.readouterr().err == (f"{text}\n" if text else "")


@pytest.mark.parametrize("command", ["--version", "--help", "completion bash", "simulate -n 2"])
@pytest.mark.parametrize(
    ("streams", "error"), [(">&-", "tandard output is closed"), (">/dev/full", "Cannot write standard output: No space left on device.")]
)
def test_lost_results_are_an_error(command, streams, error):
    line = f'exec "$0" -m dreamkeras {command} {streams}'
    done = subprocess.run(["bash", "-c", line, sys.executable], stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert error in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("streams", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_file_is_written_with_closed_streams(folder, toy_model, streams):
    line = f'exec "$0" -m dreamkeras predict seqs.fa -m "$1" -o out.tsv {streams}'
    done = subprocess.run(["bash", "-c", line, sys.executable, str(toy_model)], cwd=folder / "work", capture_output=True, check=False)
    assert done.returncode == 0
    assert len((folder / "work" / "out.tsv").read_text().splitlines()) == 3


@pytest.mark.parametrize("temporary", ["none", "full"])
@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_results_on_standard_output_need_no_temporary_folder(folder, toy_model, temporary, arguments):
    code = (
        "import tempfile\n"
        "def refuse(*args, **options): raise OSError(28, 'No space left on device')\n"
        "tempfile.mkstemp = tempfile.mkdtemp = tempfile.TemporaryFile = tempfile.NamedTemporaryFile = refuse\n"
        "from dreamkeras.cli.main import main; main(prog_name='dreamkeras')"
    )
    line = [sys.executable, "-c", code, "predict", "seqs.fa", "-m", str(toy_model), *arguments]
    done = subprocess.run(line, cwd=folder / "work", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("Error")) == (0, 0)
    assert done.stdout


def test_python_m_runs_the_command_line():
    done = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("python -m dreamkeras, version") or done.stdout.startswith("dreamkeras, version")


def test_a_path_that_the_locale_cannot_encode_is_one_line(failing_encoding):
    assert failing_encoding.stderr == r"Error: Cannot write '\xe9' in ascii, the encoding of this locale. Set PYTHONUTF8=1." + "\n"
    assert failing_encoding.returncode == 1


@pytest.fixture
def failing_encoding(tmp_path):
    (tmp_path / "a.toml").write_text('out = "é"\n', "utf-8")
    strict = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    line = [*COMMAND, "train", "none.tsv", "--config", "a.toml"]
    return subprocess.run(line, cwd=tmp_path, env={**os.environ, **strict}, capture_output=True, text=True, check=False)


def test_a_limit_of_threads_is_one_line():
    code = (
        "from dreamkeras.data.simulation import library\nfrom dreamkeras.cli.main import main\n"
        'def fail(*args): raise RuntimeError("can\'t start new thread")\n'
        "library.simulate = fail\nmain(['simulate'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        done.stderr
        == "Error: Cannot start a thread: the limit of processes is reached. Raise this limit with ulimit -u, or end other processes.\n"
    )


@pytest.mark.parametrize(
    ("limit", "allowed", "expected"), [(64, 0, "1"), (64, 1000, None), (-1, 0, None)], ids=["few", "enough", "no limit"]
)
def test_openblas_starts_no_threads_if_the_system_allows_too_few(monkeypatch, limit, allowed, expected):
    """`ulimit -u` does not apply to root, as which tests often run, so the limit is imitated."""
    start = _thread.start_new_thread

    def start_if_allowed(*arguments):
        nonlocal allowed
        allowed -= 1
        if allowed < 0:
            raise RuntimeError("can't start new thread")
        return start(*arguments)

    monkeypatch.setattr(_thread, "start_new_thread", start_if_allowed)
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    monkeypatch.setattr(os, "environ", {})
    start_fewer_threads()
    assert os.environ.get("OPENBLAS_NUM_THREADS") == expected


def test_a_process_that_cannot_be_started_is_one_line():
    error = BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))  # as raised by subprocess if fork fails
    assert (
        describe(error)
        == "Cannot start a process: the limit of processes is reached. Raise this limit with ulimit -u, or end other processes."
    )
    assert (
        describe(BlockingIOError(errno.EAGAIN, "write could not complete without blocking")) == "write could not complete without blocking"
    )
