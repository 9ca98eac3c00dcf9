"""Runs the tutorials of docs/tutorials as a reader does: every fence in order, all pages in one working folder.

Conventions of the pages:

- A `bash` fence is a shell session, and a `python` fence is a Python process. A fence that ends in `&` starts a server, which runs until
  the end of the page. A `sh` fence is not run: it installs or downloads. Ports 8000 and 8001 are replaced by free ports.
- A `{code-block}` with a `:caption:` is a file that the reader writes. The caption is its path.
- A `text` fence directly after a `bash` or `python` fence shows its standard output and standard error. `...` matches any characters,
  and a line of `...` any number of lines, even none.
- Decimal fractions on the page and in the output differ by at most 0.1 %. After the comment `<!-- trained -->`, they differ by at most
  0.3 plus 15 %, because the weights of a trained model depend on the processor. All other characters are equal, except spaces at
  the end of a line and the number of spaces between columns. The README follows the same conventions.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

README = Path(__file__).parents[2] / "README.md"
PAGES = README.parent / "docs/tutorials"
FENCE = re.compile(r"(?P<trained><!-- trained -->\n)?^```(?P<kind>\S+)[^\n]*\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?"
VARIABLE = re.compile(r"\.\.\.|(?<![\w.])-?\d+\.\d+(?:e[-+]\d+)?(?!\w|\.\d)")
SECONDS = 900  # time limit of one fence, on a busy machine
TOLERANCES = {False: (2e-4, 0.001), True: (0.3, 0.15)}  # absolute and relative, by whether the model was trained


class Fence(NamedTuple):
    """A fence of a page: its line and kind, its text, the output that follows it, and whether that is the output of a trained model."""

    line: int
    kind: str
    body: str
    shown: str | None = None
    trained: bool = False


def read_fences(text):
    """Yields the fences of a page, each with the output that directly follows it."""
    found = list(FENCE.finditer(text))
    for match, after in zip(found, [*found[1:], None], strict=True):
        fence = Fence(text.count("\n", 0, match.start("kind")) + 1, match["kind"], match["body"])
        follows = after and after["kind"] == "text" and not text[match.end() : after.start()].strip()
        yield fence._replace(shown=after["body"], trained=bool(after["trained"])) if follows else fence


def difference(shown, printed, *, trained=False):
    """Returns how the output differs from the page, or None where it does not."""
    shown, printed = ("\n".join(re.sub("  +", "  ", line.rstrip()) for line in text.strip("\n").splitlines()) for text in (shown, printed))
    pattern, end, numbers = "", 0, []
    for match in VARIABLE.finditer(shown):
        pattern += re.escape(shown[end : match.start()]) + (r"[\s\S]*?" if match[0] == "..." else f"({NUMBER})")
        numbers += [] if match[0] == "..." else [float(match[0])]
        end = match.end()
    pattern += re.escape(shown[end:])
    found = re.fullmatch(pattern.replace("\\\n[\\s\\S]*?\\\n", "\\\n(?:[\\s\\S]*?\\\n)?"), printed)
    if not found:
        return f"The page shows:\n{shown}\nThe output is:\n{printed}"
    absolute, relative = TOLERANCES[trained]
    for number, value in zip(numbers, map(float, found.groups()), strict=True):
        if abs(number - value) > absolute + relative * abs(number):
            return f"{number} on the page, {value} in the output:\n{printed}"
    return None


class Lesson:
    """Runs the fences of one page in a folder, and stops the servers that they start."""

    def __init__(self, folder):
        with socket.socket() as first, socket.socket() as second:
            for probe in (first, second):
                probe.bind(("127.0.0.1", 0))
            self.ports = {"8000": str(first.getsockname()[1]), "8001": str(second.getsockname()[1])}
        self.folder, self.servers = folder, []
        self.environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "COLUMNS": "100"}

    def run(self, fence):
        """Returns what the fence prints; the exit status has to be 0."""
        body = re.sub(r"\b800[01]\b", lambda port: self.ports[port[0]], fence.body)
        if fence.kind == "{code-block}":
            options, _, code = body.partition("\n\n")
            (self.folder / options.split(":caption:")[1].split()[0]).write_text(code)
        elif fence.kind == "python":
            return self.start([sys.executable, "-c", body])
        elif fence.kind == "bash" and body.rstrip().endswith("&"):
            server = ["bash", "-c", body.rstrip().removesuffix("&")]
            options = {"cwd": self.folder, "env": self.environment, "stderr": subprocess.DEVNULL, "start_new_session": True}
            self.servers.append(subprocess.Popen(server, **options))
        elif fence.kind == "bash":
            return self.start(["bash", "-euo", "pipefail", "-c", body])
        return ""

    def start(self, command):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": SECONDS}
        done = subprocess.run(command, cwd=self.folder, env=self.environment, check=False, **pipes)
        assert done.returncode == 0, done.stdout
        # TensorFlow's own log lines, and the expected time, which is not printed on a fast machine
        return re.sub(r"^(?:[IWE]\d{4} \d\d:.*|\t \[\[\{\{node .*|Expected time: .*)\n", "", done.stdout, flags=re.MULTILINE)

    def close(self):
        for server in self.servers:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def follow(page, folder):
    """Runs a page and compares what it shows with what its fences print."""
    lesson = Lesson(folder)
    try:
        for fence in read_fences(page.read_text()):
            if ">>> " in fence.body:  # pytest runs the examples of the README
                continue
            try:
                printed = lesson.run(fence)
            except (AssertionError, subprocess.TimeoutExpired) as error:
                pytest.fail(f"{page.name}, line {fence.line}: the fence failed.\n{error}", pytrace=False)
            wrong = None if fence.shown is None else difference(fence.shown, printed, trained=fence.trained)
            if wrong:
                pytest.fail(f"{page.name}, line {fence.line}: {wrong}", pytrace=False)
    finally:
        lesson.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The reader's working folder. The first lesson fills it, and the others use its model."""
    if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
        pytest.skip("the tutorials show the output of TensorFlow")
    pytest.importorskip("tensorflow")
    folder = tmp_path_factory.mktemp("lessons")
    follow(PAGES / "first-model.md", folder)
    return folder


@pytest.mark.usefixtures("folder")
def test_first_model():
    """The fixture runs the page."""


def test_published_library(folder, data_folder):
    (folder / "human_lentimpra").symlink_to(data_folder / "data/human_lentimpra")
    follow(PAGES / "published-library.md", folder)


@pytest.mark.parametrize("name", ["variants", "serving", "own-block"])
def test_other_pages(name, folder):
    follow(PAGES / f"{name}.md", folder)


@pytest.mark.usefixtures("folder")  # skips with the tutorials
def test_commands_of_the_readme(tmp_path):
    shutil.copytree(README.parent / "examples", tmp_path / "examples")
    follow(README, tmp_path)


def test_decimal_fractions_have_a_tolerance_and_other_characters_do_not():
    assert difference("r 0.618 of 637\n", "r 0.6181 of 637") is None
    assert difference("r 0.618 of 637", "r 0.62 of 637") == "0.618 on the page, 0.62 in the output:\nr 0.62 of 637"
    assert difference("r 0.618 of 637", "r 0.7 of 637", trained=True) is None
    assert "The output is" in difference("r 0.618 of 637", "r 0.618 of 638")
    assert "The output is" in difference("dreamkeras 0.1.0", "dreamkeras 0.2.0")
    assert difference("a   1.5\nb  22.5", "a  1.5\nb    22.5") is None
    assert difference("first\n...\nlast", "first\nsecond\nthird\nlast") is None


def test_a_line_of_dots_matches_any_number_of_lines():
    assert difference("first\n...\nlast", "first\nlast") is None
    assert difference("first\n...\nlast", "first\nsecond\nlast") is None
    assert "The output is" in difference("first\n...\nlast", "first last")


def test_a_fence_has_the_output_that_directly_follows_it():
    ran, shown, other = read_fences("Text.\n```bash\nls\n```\n\n<!-- trained -->\n```text\n1.5\n```\nMore.\n```python\npass\n```\n")
    assert ran == Fence(2, "bash", "ls\n", "1.5\n", trained=True)
    assert shown.shown is other.shown is None
    assert other.line == 11
