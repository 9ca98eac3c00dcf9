"""Commands make no network connections or name lookups, and leave no files in the home folder or among temporary files.

`DREAMKERAS_WATCH_SECONDS` is the time in seconds for which the server is observed. 12 seconds are enough to detect the telemetry of ONNX
Runtime.
"""

import ast
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from watched import DREAMKERAS, HIDING, OUTSIDE, watch

from dreamkeras.export.keras_settings import child_environment

ROOT = Path(__file__).parents[1]
EXAMPLES = str(ROOT / "examples/promoters.fa")
SECONDS = float(os.environ.get("DREAMKERAS_WATCH_SECONDS", "12"))


def imported(file: Path) -> set[str]:
    """Returns the packages that a file imports, by an import statement or by `import_module`."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).split(".")[0])
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            found |= {str(text.value).split(".")[0] for text in node.args if isinstance(text, ast.Constant)}
    return found


def test_one_module_imports_onnx_runtime():
    files = [file for top in ("dreamkeras", "cli", "serving", "benchmarks", "examples") for file in (ROOT / top).rglob("*.py")]
    assert [str(file.relative_to(ROOT)) for file in files if "onnxruntime" in imported(file)] == ["dreamkeras/scoring/session.py"]
    scripts = [file.read_text() for file in (ROOT / ".ci").iterdir() if file.is_file()]
    assert not [text for text in scripts if "import onnxruntime" in text]


@pytest.mark.parametrize(
    ("call", "is_outside"),
    [
        ('connect(8, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.53")}, 16) = 0', True),
        ('connect(8, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("127.0.0.53")}, 16) = 0', False),
        ('connect(3, {sa_family=AF_INET6, sin6_port=htons(443), inet_pton(AF_INET6, "2a00::1", &sin6_addr)}, 28) = -1', True),
        ('connect(3, {sa_family=AF_UNIX, sun_path="/run/x"}, 110) = 0', False),
        ('sendto(3, "GET", 3, 0, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("1.2.3.4")}, 16) = 3', True),
        ('openat(AT_FDCWD, "/etc/resolv.conf", O_RDONLY|O_CLOEXEC) = 8', True),
        ('openat(AT_FDCWD, "/etc/localtime", O_RDONLY|O_CLOEXEC) = 8', False),
    ],
)
def test_network_calls_are_distinguished_from_other_calls(call, is_outside):
    assert bool(OUTSIDE.search(call)) is is_outside


def test_a_name_lookup_is_detected(tmp_path):
    code = "import socket\ntry: socket.getaddrinfo('dreamkeras.invalid', 80)\nexcept OSError: pass"
    assert watch(["-c", code], tmp_path).contacts


def test_predict_makes_no_connections_and_leaves_no_files(tmp_path):
    watched = watch([*DREAMKERAS, "predict", EXAMPLES], tmp_path)
    assert (watched.status, watched.contacts, watched.left) == (0, [], []), watched.output
    assert "two_reb1\t" in watched.output


def test_an_open_scorer_makes_no_connections(tmp_path):
    code = "import dreamkeras, time; dreamkeras.load().predict(['ACGT' * 20]); time.sleep(12)"
    watched = watch(["-c", code], tmp_path)
    assert (watched.status, watched.contacts, watched.left) == (0, [], []), watched.output


def test_the_server_makes_no_connections_and_leaves_no_files(tmp_path):
    pytest.importorskip("uvicorn")
    watched = watch([*DREAMKERAS, "serve", "--port", "0"], tmp_path, SECONDS)
    assert (watched.contacts, watched.left) == ([], []), watched.output
    assert "Serving yeast" in watched.output


def test_training_makes_no_connections_and_leaves_only_the_run(tmp_path):
    for package in ("keras", "tensorflow", "tf2onnx", "matplotlib"):
        pytest.importorskip(package)
    letters = random.Random(0)
    rows = ["".join(letters.choices("ACGT", k=20)) for _ in range(64)]
    (tmp_path / "t.tsv").write_text("sequence\tvalue\n" + "".join(f"{row}\t{row.count('G')}\n" for row in rows))
    columns = ("--assay", "table", "--sequence-column", "sequence", "--target-column", "value")
    watched = watch([*DREAMKERAS, "train", "t.tsv", *columns, "--steps", "2", "--out", "run"], tmp_path)
    assert (watched.status, watched.contacts, watched.left) == (0, [], []), watched.output


def test_the_child_process_of_an_export_leaves_no_files_in_the_home_folder(tmp_path):
    pytest.importorskip("tensorflow")
    code = f"from dreamkeras.export.tracing_worker import main; print(main('none.keras', '-', {str(tmp_path)!r}, '8'))"
    home = tmp_path / "home"
    home.mkdir()
    hidden = {name: value for name, value in child_environment("tensorflow").items() if name not in set(HIDING) - {"KERAS_HOME"}}
    run = subprocess.run([sys.executable, "-c", code], env=hidden | {"HOME": str(home)}, capture_output=True, text=True, check=True)
    assert (run.stdout.strip(), list(home.iterdir())) == ("1", [])


def test_local_ray_leaves_no_files(tmp_path):
    pytest.importorskip("ray.data")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.fa").write_text(Path(EXAMPLES).read_text())
    watched = watch([*DREAMKERAS, "predict", "in", "--engine", "ray", "-o", "out"], tmp_path)
    assert (watched.status, watched.left) == (0, []), watched.output
    assert not [line for line in watched.contacts if "usage-stats" in line]
