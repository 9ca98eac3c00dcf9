"""Facts of a release: the version that a build takes from git, the contents of the wheel, and the files that describe the project."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FALLBACK = PYPROJECT["tool"]["setuptools_scm"]["fallback_version"]
BUILT_FROM = [
    ".git_archival.txt",
    ".gitattributes",
    ".gitignore",
    "LICENSE",
    "README.md",
    "cli",
    "dreamkeras",
    "pyproject.toml",
    "serving",
    "setup.py",
]
IDENTITY = {f"GIT_{role}_{field}": "test@example.org" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}

pytest.importorskip("setuptools_scm")
pytest.importorskip("click_man")


def call(folder, *command, **env):
    """Runs a command in a folder without the settings of the user's git, and returns its output."""
    settings = {**os.environ, **IDENTITY, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, **env}
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def built(folder, hook, into, **env):
    """The file or folder that a hook of the build backend writes, as pip and build call it."""
    into.mkdir(parents=True, exist_ok=True)
    code = f"from setuptools import build_meta; print(build_meta.{hook}({str(into)!r}))"
    return into / call(folder, sys.executable, "-c", code, **env).splitlines()[-1]


def built_version(folder, into, **env):
    metadata = built(folder, "prepare_metadata_for_build_wheel", into, **env) / "METADATA"
    return HeaderParser().parsestr(metadata.read_text())["Version"]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A repository of the files that a build reads, with two commits and without a tag."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path_factory.mktemp("release") / "original"
    folder.mkdir()
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    call(folder, "git", "init", "--quiet")
    call(folder, "git", "add", "--all")
    call(folder, "git", "commit", "--quiet", "--message", "First.")
    call(folder, "git", "commit", "--quiet", "--message", "Second.", "--allow-empty")
    return folder


@pytest.fixture
def clone(original, tmp_path):
    """`clone(*options)`: a new clone of the repository."""

    def make(*options):
        call(tmp_path, "git", "clone", "--quiet", *options, original.as_uri(), "clone")
        return tmp_path / "clone"

    return make


@pytest.fixture(scope="module")
def tagged(original, tmp_path_factory):
    """A clone whose last commit has the tag v0.2.0, and an older tag that is no version."""
    folder = tmp_path_factory.mktemp("tagged") / "clone"
    call(original, "git", "clone", "--quiet", original.as_uri(), folder)
    call(folder, "git", "tag", "v0.2.0")
    call(folder, "git", "tag", "benchmark-2026")
    return folder


@pytest.fixture(scope="module")
def sdist(tagged, tmp_path_factory):
    return built(tagged, "build_sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist, tmp_path_factory):
    """The wheel built from the unpacked source distribution, as `python -m build` does."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return built(next(folder.iterdir()), "build_wheel", folder / "dist")


@pytest.fixture(scope="module")
def pages(wheel, tmp_path_factory):
    """The manual pages of the wheel by name, unpacked."""
    folder = tmp_path_factory.mktemp("manual")
    zipfile.ZipFile(wheel).extractall(folder)
    return {page.name: page for page in folder.glob("dreamkeras-0.2.0.data/data/share/man/man1/*")}


@pytest.fixture
def no_git(tmp_path):
    """The environment of a machine without git."""
    (tmp_path / "bin").mkdir()
    return {"PATH": str(tmp_path / "bin")}


class TestVersion:
    def test_clone_without_a_tag_is_a_development_version_of_the_next_release(self, clone, tmp_path):
        folder = clone("--no-tags")
        commit = call(folder, "git", "rev-parse", "HEAD")
        found = re.fullmatch(re.escape(FALLBACK.removesuffix("0")) + r"\d+\+g(\w+)", built_version(folder, tmp_path / "out"))
        assert found
        assert commit.startswith(found[1])

    def test_shallow_clone_is_a_development_version_of_the_next_release(self, clone, tmp_path):
        assert built_version(clone("--depth", "1"), tmp_path / "out").startswith(FALLBACK.removesuffix("0"))

    def test_clone_without_git_on_the_path_has_the_fallback_version(self, clone, tmp_path, no_git):
        assert built_version(clone(), tmp_path / "out", **no_git) == FALLBACK

    def test_clone_of_another_user_is_a_development_version_of_the_next_release(self, clone, tmp_path):
        folder = clone()
        foreign = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
        refused = subprocess.run(["git", "status"], cwd=folder, env={**os.environ, **foreign}, capture_output=True, check=False)
        if refused.returncode == 0:
            pytest.skip("git does not refuse the repository of another user")
        assert built_version(folder, tmp_path / "out", **foreign).startswith(FALLBACK.removesuffix("0"))

    def test_tagged_commit_has_the_version_of_the_tag(self, tagged, tmp_path):
        assert built_version(tagged, tmp_path) == "0.2.0"

    def test_commit_after_a_tag_is_a_development_version(self, tagged, tmp_path):
        call(tmp_path, "git", "clone", "--quiet", tagged.as_uri(), "later")
        call(tmp_path / "later", "git", "commit", "--quiet", "--message", "Third.", "--allow-empty")
        assert re.fullmatch(r"0\.2\.1\.dev1\+g\w+", built_version(tmp_path / "later", tmp_path / "out"))

    def test_unpacked_sdist_has_the_version_that_it_was_built_with(self, wheel, sdist):
        assert sdist.name == "dreamkeras-0.2.0.tar.gz"
        assert wheel.name == "dreamkeras-0.2.0-py3-none-any.whl"

    def test_archive_of_a_tagged_commit_has_the_version_of_the_tag(self, tagged, tmp_path):
        call(tagged, "git", "archive", "--output", tmp_path / "archive.tar", "HEAD")
        with tarfile.open(tmp_path / "archive.tar") as archive:
            archive.extractall(tmp_path / "archive", filter="data")
        assert built_version(tmp_path / "archive", tmp_path / "out") == "0.2.0"

    def test_archive_of_a_commit_without_a_tag_has_the_fallback_version(self, original, tmp_path):
        call(original, "git", "archive", "--output", tmp_path / "archive.tar", "HEAD")
        with tarfile.open(tmp_path / "archive.tar") as archive:
            archive.extractall(tmp_path / "archive", filter="data")
        assert built_version(tmp_path / "archive", tmp_path / "out") == FALLBACK

    def test_fallback_version_is_not_older_than_the_newest_release_of_the_changelog(self):
        releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
        base = FALLBACK.removesuffix(".dev0")
        assert base != FALLBACK
        numbers = [tuple(map(int, text.split("."))) for text in (base, *releases)]
        assert numbers[0] == max(numbers)


class TestWheel:
    def test_it_holds_the_packages_their_data_and_nothing_else(self, wheel):
        setuptools = PYPROJECT["tool"]["setuptools"]
        expected = set()
        for package in setuptools["packages"]:
            path = package.replace(".", "/")
            top = path.split("/")[1] if path.startswith(("dreamkeras/cli", "dreamkeras/serving")) else None
            source = ROOT / (path.removeprefix("dreamkeras/") if top else path)
            patterns = ["*.py", *setuptools["package-data"].get(package, ())]
            expected |= {f"{path}/{file.relative_to(source).as_posix()}" for pattern in patterns for file in source.glob(pattern)}
        names = zipfile.ZipFile(wheel).namelist()
        assert {name for name in names if name.startswith("dreamkeras/")} == expected
        assert {name.split("/")[0] for name in names} == {"dreamkeras", "dreamkeras-0.2.0.dist-info", "dreamkeras-0.2.0.data"}

    def test_it_is_the_same_without_git(self, clone, tmp_path, no_git, wheel):
        other = built(clone(), "build_wheel", tmp_path / "out", **no_git)
        names = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("dreamkeras/")}
        assert names == {name for name in zipfile.ZipFile(other).namelist() if name.startswith("dreamkeras/")}


class TestManual:
    def test_each_command_has_a_page(self, pages):
        from dreamkeras.cli.main import COMMANDS

        assert set(pages) == {"dreamkeras.1", *(f"dreamkeras-{name}.1" for name in COMMANDS)}

    def test_a_page_has_the_summary_and_each_option_of_its_command(self, pages):
        import click

        from dreamkeras.cli.main import COMMANDS, main

        for name, entry in COMMANDS.items():
            page = pages[f"dreamkeras-{name}.1"].read_text()
            command = main.get_command(click.Context(main), name)
            options = [max(parameter.opts, key=len) for parameter in command.params if isinstance(parameter, click.Option)]
            assert f"dreamkeras\\-{name} \\- {entry.help}" in page
            assert [option for option in options if option.replace("-", r"\-") not in page] == []

    def test_a_build_without_click_man_has_no_pages(self, original, tmp_path):
        code = f"import sys; sys.modules['click_man'] = None; from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
        call(original, sys.executable, "-c", code)
        (other,) = tmp_path.glob("*.whl")
        assert [name for name in zipfile.ZipFile(other).namelist() if "man1" in name] == []

    def test_the_first_page_refers_to_the_others_and_names_the_version(self, pages):
        page = pages["dreamkeras.1"].read_text()
        assert '"0.2.0"' in page
        assert "dreamkeras-predict(1)" in page

    @pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
    def test_man_shows_every_page_without_a_warning(self, pages):
        for page in pages.values():
            settings = {**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"}
            done = subprocess.run(["man", "--warnings", "-l", page], env=settings, capture_output=True, text=True, check=True)
            assert done.stderr == ""
            assert "SYNOPSIS" in done.stdout


def document(name):
    yaml = pytest.importorskip("yaml")
    # YAML 1.1 reads the key `on` as true.
    return yaml.safe_load((ROOT / name).read_text())


class TestWorkflows:
    def test_publishing_follows_the_tests_of_the_wheel(self):
        jobs = document(".github/workflows/publish.yml")["jobs"]
        assert {name: job.get("needs") for name, job in jobs.items()} == {
            "build": None,
            "test": "build",
            "testpypi": "test",
            "pypi": "testpypi",
        }
        assert all("github.ref_type == 'tag'" in jobs[name]["if"] for name in ("testpypi", "pypi"))

    def test_only_the_jobs_that_publish_have_a_token_and_they_run_nothing_else(self):
        workflow = document(".github/workflows/publish.yml")
        assert workflow["permissions"] == {"contents": "read"}
        assert {name for name, job in workflow["jobs"].items() if "permissions" in job} == {"testpypi", "pypi"}
        for name in ("testpypi", "pypi"):
            job = workflow["jobs"][name]
            assert job["permissions"] == {"id-token": "write"}
            assert [step["uses"].split("@")[0] for step in job["steps"]] == ["actions/download-artifact", "pypa/gh-action-pypi-publish"]

    def test_the_wheel_is_tested_on_the_versions_and_systems_of_the_classifiers(self):
        matrix = document(".github/workflows/publish.yml")["jobs"]["test"]["strategy"]["matrix"]
        classifiers = PYPROJECT["project"]["classifiers"]
        assert matrix["python"] == [text.split(" :: ")[-1] for text in classifiers if re.search(r":: 3\.\d+$", text)]
        assert len(matrix["os"]) == len([text for text in classifiers if text.startswith("Operating System")])

    @pytest.mark.parametrize("name", ["ci.yml", "publish.yml"])
    def test_every_action_has_a_version(self, name):
        steps = [step for job in document(f".github/workflows/{name}")["jobs"].values() for step in job["steps"]]
        assert [step["uses"] for step in steps if "uses" in step and not re.search(r"@v\d", step["uses"])] == []

    @pytest.mark.parametrize("name", ["ci.yml", "publish.yml"])
    def test_extras_that_are_installed_exist(self, name):
        text = (ROOT / ".github/workflows" / name).read_text()
        found = {extra for names in re.findall(r"(?:\.|whl\)|whl)\[([a-z,]+)\]", text) for extra in names.split(",")}
        assert found
        assert found <= set(PYPROJECT["project"]["optional-dependencies"])


class TestDescription:
    def test_citation_has_the_version_and_date_of_the_newest_release(self):
        citation = document("CITATION.cff")
        released = re.search(r"^## \[(\d+\.\d+\.\d+)\] - ([\d-]+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
        assert (citation["version"], citation["date-released"]) == released.groups()
        assert citation["license"] == PYPROJECT["project"]["license"]
        assert {citation["repository-code"], citation["url"]} <= set(PYPROJECT["project"]["urls"].values())
        assert {"cff-version", "message", "title", "authors"} <= set(citation)

    @pytest.mark.parametrize("name", ["bug", "feature"])
    def test_issue_forms_have_questions_with_unique_ids(self, name):
        form = document(f".github/ISSUE_TEMPLATE/{name}.yml")
        assert {"name", "description", "body"} <= set(form)
        names = [question["id"] for question in form["body"]]
        assert len(set(names)) == len(names) > 2
        assert all(question["type"] == "textarea" and question["attributes"]["label"] for question in form["body"])

    def test_the_site_is_built_with_extras_of_the_package(self):
        (install,) = document(".readthedocs.yaml")["python"]["install"]
        assert set(install["extra_requirements"]) <= set(PYPROJECT["project"]["optional-dependencies"])

    def test_the_conda_recipe_agrees_with_pyproject(self):
        recipe = document("packaging/conda/recipe.yaml")
        released = re.search(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
        project = PYPROJECT["project"]
        assert recipe["context"] == {"version": released[1], "python_min": project["requires-python"].removeprefix(">=")}
        run, host = (
            {text.replace(" ", "") for text in recipe["requirements"][kind] if not text.startswith(("python ", "pip"))}
            for kind in ("run", "host")
        )
        assert run == {*project["dependencies"], *project["optional-dependencies"]["cpu"]}
        assert host == {text for text in PYPROJECT["build-system"]["requires"] if not text.startswith("click")}
        (entry,) = recipe["build"]["python"]["entry_points"]
        assert entry == f"dreamkeras = {project['scripts']['dreamkeras']}"
        (files,) = [test["files"]["source"] for test in recipe["tests"] if "files" in test]
        assert all((ROOT / file).exists() for file in files)
        about = recipe["about"]
        assert {about["homepage"], about["documentation"], about["repository"]} <= set(project["urls"].values())
