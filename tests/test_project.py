"""Facts of the project's own files that nothing else would notice breaking."""

import ast
import re
import subprocess
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def fenced_lines(heading: str) -> list[str]:
    """The lines inside the code fences under a heading of the README."""
    section = re.search(rf"^## {heading}$(.*?)(?=^## |\Z)", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return [line for fence in re.findall(r"^```\w*\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL) for line in fence.splitlines()]


def folders_with_code(top: str) -> set[str]:
    """Dotted names of the folders of Python files under `top`, it included."""
    return {".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / top).rglob("*.py")}


def test_readme_has_one_test_command():
    (command,) = fenced_lines("Tests")
    assert command.startswith("python3 -m venv .venv && ")
    assert command.endswith(" && pytest -n 2 --dist loadfile")


@pytest.mark.parametrize("check", ["ruff check", "ruff format --check", "mypy", "lint-imports"])
def test_readme_test_command_runs_every_check(check):
    assert f" && {check}" in fenced_lines("Tests")[0]


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci/run").read_text()
    extract = re.search(r"^readme_command\(\) \{ (.*); \}$", script, re.MULTILINE)[1]
    ran = subprocess.run(["bash", "-c", extract], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert ran.splitlines() == fenced_lines("Tests")


def test_every_package_folder_is_installed():
    beside = folders_with_code("cli") | folders_with_code("serving")
    found = folders_with_code("dreamkeras") | {f"dreamkeras.{name}" for name in beside}
    assert found == set(PYPROJECT["tool"]["setuptools"]["packages"])


def rooms() -> list[Path]:
    """The folders of code, from the repository's root."""
    return [file.parent.relative_to(ROOT) for top in ("dreamkeras", "serving", "cli") for file in sorted((ROOT / top).rglob("__init__.py"))]


def test_every_room_stands_on_the_page_of_the_architecture():
    page = (ROOT / "docs/explanation/architecture.md").read_text()
    assert [room for room in rooms() if f"`{room}/`" not in page] == []
    assert len(page.splitlines()) <= 150


def test_every_room_says_what_it_is_for():
    assert [room for room in rooms() if not ast.get_docstring(ast.parse((ROOT / room / "__init__.py").read_text()))] == []


def test_modules_take_from_each_other_what_stands_in_all():
    """Imports of names, by the module they are from; a name that is used elsewhere is meant to be."""
    trees = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): ast.parse(file.read_text()) for file in (ROOT / "dreamkeras").rglob("*.py")
    }
    imports = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    taken = {(node.module, name.name) for node in imports for name in node.names if node.module in trees}
    assert {(module, name) for module, name in taken if name not in listed(trees[module])} == set()


def listed(tree: ast.Module) -> set[str]:
    """The names in `__all__` of a module."""
    found = [node.value for node in tree.body if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"]
    return set(ast.literal_eval(found[0])) if found else set()


def test_no_top_level_package_but_dreamkeras_is_installed():
    assert {name.split(".")[0] for name in PYPROJECT["tool"]["setuptools"]["packages"]} == {"dreamkeras"}


def test_package_data_exists():
    setuptools = PYPROJECT["tool"]["setuptools"]
    for package, patterns in setuptools["package-data"].items():
        folder = ROOT / setuptools["package-dir"].get(package, package.replace(".", "/"))
        for pattern in patterns:
            assert list(folder.glob(pattern)), f"no {pattern} in {package}"


def test_every_room_of_the_library_has_its_floor():
    contract = next(contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"] if contract.get("containers") == ["dreamkeras"])
    floors = {name for floor in contract["layers"] for name in floor.split(" | ")}
    assert {room.name for room in rooms() if room.parent.name == "dreamkeras"} <= floors


def test_installed_command_is_the_one_of_pyproject():
    (script,) = distribution("dreamkeras").entry_points.select(group="console_scripts")
    assert f"{script.name} = {script.value}" == "dreamkeras = dreamkeras.cli.main:main"


def test_changelog_has_an_unreleased_section():
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("file", [".github/workflows/ci.yml", ".ci/run"])
def test_paths_of_tests_that_ci_runs_exist(file):
    paths = re.findall(r"\btests/[\w/.]*\w", (ROOT / file).read_text())
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a source distribution has no list of tracked files")
def test_top_level_has_only_the_known_files_and_no_file_is_large():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = listed.stdout.rstrip("\0").split("\0")
    named = {path for path in tracked if "/" not in path and not path.startswith(".") and Path(path).suffix not in {".md", ".py", ".toml"}}
    assert named == {"CITATION.cff", "Containerfile", "LICENSE"}
    assert [path for path in tracked if (ROOT / path).is_file() and (ROOT / path).stat().st_size > 1_000_000] == []
