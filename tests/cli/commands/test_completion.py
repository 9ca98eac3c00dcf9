import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

SHELLS = ["bash", "zsh", "fish"]
ENVIRONMENT = {
    **os.environ,
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    "PS1": "$ ",
    "TERM": "dumb",
    "INPUTRC": os.devnull,
}
SECONDS = 60


def needs(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


def completed_by_bash(*words):
    """Returns the completions of the last word, from the function that the script defines."""
    script = (
        'eval "$(dreamkeras completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        '_dreamkeras_completion dreamkeras; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", *words], env=ENVIRONMENT, capture_output=True, text=True, check=True, timeout=SECONDS
    )
    assert done.stderr == ""
    return done.stdout.split()


def typed_in_bash(text, wanted):
    """Types text into an interactive bash, and returns the screen when it shows the expected text or after a time limit."""
    pty = pytest.importorskip("pty", reason="this system has no terminals in software")
    process, terminal = pty.fork()
    if process == 0:
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], ENVIRONMENT)
    screen = b""
    try:
        os.write(terminal, b'eval "$(dreamkeras completion bash)"; echo re"a"dy\n')
        for typed, shown in ((b"", b"ready"), (text.encode(), wanted.encode())):
            os.write(terminal, typed)
            deadline = time.monotonic() + SECONDS
            while shown not in screen and time.monotonic() < deadline:
                if select.select([terminal], [], [], 0.2)[0]:
                    screen += os.read(terminal, 4096)
    finally:
        os.close(terminal)
        os.waitpid(process, 0)
    return screen.decode()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_defines_the_completion_function(run, shell):
    done = run("completion", shell)
    assert done.exit_code == 0
    assert f"_DREAMKERAS_COMPLETE={shell}_complete" in done.stdout


def test_other_shells_are_refused(run):
    done = run("completion", "tcsh")
    assert done.exit_code == 2
    assert "tcsh" in done.stderr


@pytest.mark.parametrize("shell", [pytest.param(shell, marks=needs(shell)) for shell in SHELLS])
def test_the_script_is_valid_in_the_shell(run, shell):
    script = run("completion", shell).stdout
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@needs("bash")
class TestBash:
    def test_tab_completes_a_command(self):
        assert "dreamkeras predict " in typed_in_bash("dreamkeras pre\t", "dreamkeras predict ")

    def test_commands(self):
        assert completed_by_bash("dreamkeras", "pre") == ["predict"]
        assert completed_by_bash("dreamkeras", "m") == ["mutagenesis", "marginalise", "models"]

    def test_options(self):
        assert completed_by_bash("dreamkeras", "predict", "--on") == ["--on-error"]

    def test_choices(self):
        assert completed_by_bash("dreamkeras", "predict", "--on-error", "") == ["fail", "skip"]
        assert completed_by_bash("dreamkeras", "completion", "f") == ["fish"]
