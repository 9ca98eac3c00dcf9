import json
import os
import subprocess
import sys

import pytest
from file_server import Answer
from published_record import FILES, index, publish, tar_gz

from dreamkeras.data.published import download as module
from dreamkeras.data.published.download import download, list_files
from dreamkeras.data.published.record import DATA_SETS, INDEX_NAME
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files.folders import LOCK, claim

HUMAN = "human_mpra_data.tar.gz"


@pytest.fixture
def zenodo(server, monkeypatch):
    """A file server that replaces Zenodo."""
    publish(server, monkeypatch)
    return server


@pytest.fixture
def no_zenodo(zenodo, monkeypatch):
    """The same file server, where only a mirror is available and Zenodo does not respond."""
    monkeypatch.setattr(module, "INDEX_URL", f"{zenodo.url}/gone")
    zenodo.add(**{f"mirror/{name}": content for name, content in FILES.items()})
    return zenodo


def requested(server):
    return [path for path, _ in server.requests]


def content(folder):
    """Returns all files below a folder with their content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", DATA_SETS)
def test_data_sets_are_verified_and_unpacked(zenodo, tmp_path, name):
    done = download(name, tmp_path / "new" / "folder")
    published = {file: FILES[file] for file in DATA_SETS[name].files}
    assert {path.name: path.read_bytes() for path in done.paths if path.is_file()} == published
    archives = [file for file in published if file.endswith(".tar.gz")]
    assert [path.name for path in done.paths if path.is_dir()] == [file.removesuffix(".tar.gz") for file in archives]
    assert all(any(path.rglob("*.*")) for path in done.paths if path.is_dir())
    assert done.unchecked == ()
    assert str(done.folder) in done.command
    assert not [path for path in done.folder.rglob("*") if path.name.startswith(".") or ".part" in path.name]


def test_existing_files_are_not_downloaded_again(zenodo, tmp_path):
    first = download("yeast", tmp_path)
    zenodo.requests.clear()
    assert download("yeast", tmp_path) == first
    assert requested(zenodo) == []


def test_only_missing_files_are_downloaded(zenodo, tmp_path):
    download("yeast", tmp_path)
    (tmp_path / "val.txt").unlink()
    zenodo.requests.clear()
    download("yeast", tmp_path)
    assert requested(zenodo) == ["/zenodo/val.txt"]


def test_downloaded_files_are_kept_after_a_failure(zenodo, tmp_path):
    zenodo.spoil("zenodo/val.txt", Answer(404))
    with pytest.raises(DreamkerasError, match=r"val\.txt: 404"):
        download("yeast", tmp_path)
    zenodo.requests.clear()
    download("yeast", tmp_path)
    assert "/zenodo/train.txt" not in requested(zenodo)


@pytest.mark.parametrize("other", [b"mine", FILES["val.txt"][::-1]])
def test_other_files_of_the_user_are_not_overwritten(zenodo, tmp_path, other):
    (tmp_path / "val.txt").write_bytes(other)
    with pytest.raises(InputError, match=r"val\.txt is not the published file: expected .*, got .* Move the file elsewhere"):
        download("yeast", tmp_path)
    assert (tmp_path / "val.txt").read_bytes() == other


def test_a_file_in_place_of_the_folder_is_an_error(zenodo, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DreamkerasError, match=r"Cannot write .*file: "):
        download("human", tmp_path / "file")


def test_unknown_data_sets_are_rejected(tmp_path):
    with pytest.raises(InputError, match="got 'mouse'"):
        download("mouse", tmp_path)


class TestArchives:
    def test_malicious_archives_are_not_unpacked(self, zenodo, tmp_path):
        evil = tar_gz(**{"fine": b"1", "../evil": b"2"})
        zenodo.add(**{f"zenodo/{HUMAN}": evil, "index": index(**{HUMAN: evil})})
        with pytest.raises(InputError, match="whose path leads outside the folder it is extracted to"):
            download("human", tmp_path / "to")
        assert set(content(tmp_path)) == {f"to/{HUMAN}", f"to/{INDEX_NAME}"}

    def test_damaged_archives_without_checksum_are_deleted(self, no_zenodo, tmp_path):
        no_zenodo.add(**{f"mirror/{HUMAN}": b"<html>Log in</html>"})
        with pytest.raises(InputError, match=r"is damaged or not a \.tar\.gz file"):
            download("human", tmp_path, f"{no_zenodo.url}/mirror")
        assert content(tmp_path) == {}

    def test_unpacked_folders_are_not_changed(self, zenodo, tmp_path):
        (table,) = [path / "human_mpra" / "K562_clean.tsv" for path in download("human", tmp_path).paths if path.is_dir()]
        table.write_bytes(b"edited")
        assert str(table) in download("human", tmp_path).command
        assert table.read_bytes() == b"edited"

    def test_archives_without_the_expected_files_give_no_command(self, zenodo, tmp_path):
        other = tar_gz(README=b"moved")
        zenodo.add(**{f"zenodo/{HUMAN}": other, "index": index(**{HUMAN: other})})
        assert download("human", tmp_path).command is None


class TestIndex:
    def test_nothing_is_downloaded_from_zenodo_without_an_index(self, zenodo, tmp_path):
        zenodo.spoil("index", *[Answer(503)] * 9)
        with pytest.raises(DreamkerasError, match="/index: 503 Service Unavailable, 5 times in a row"):
            download("human", tmp_path)
        assert set(requested(zenodo)) == {"/index"}

    def test_an_index_without_the_file_is_rejected(self, zenodo, tmp_path):
        entry = {"key": "train.txt", "size": 1, "checksum": "md5:" + "0" * 32}
        zenodo.add(index=json.dumps({"files": [entry]}).encode())
        with pytest.raises(InputError, match=rf"has no file {HUMAN}\. Files: train\.txt \(http"):
            download("human", tmp_path)

    def test_a_damaged_copy_is_downloaded_again(self, zenodo, tmp_path):
        (tmp_path / INDEX_NAME).write_bytes(b'{"files": [')
        download("human", tmp_path)
        assert (tmp_path / INDEX_NAME).read_bytes() == index()

    def test_listing_returns_size_and_checksum_of_every_file(self, zenodo):
        rows = list_files()
        assert [(name, file.name) for name, file in rows] == [(name, file) for name in DATA_SETS for file in DATA_SETS[name].files]
        assert all(file.size == len(FILES[file.name]) and file.checksum.startswith("md5:") for _, file in rows)

    def test_listing_without_zenodo_warns_and_returns_the_names(self, zenodo):
        zenodo.spoil("index", Answer(503))
        said = []
        assert {file for _, file in list_files(said.append)} == {module.RecordFile(name) for name in FILES}
        assert "503" in said[0]


class TestMirror:
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_files_are_from_the_mirror_and_checksums_from_zenodo(self, zenodo, tmp_path, slash):
        zenodo.add(**{f"mirror/{HUMAN}": FILES[HUMAN]})
        assert download("human", tmp_path, f"{zenodo.url}/mirror{slash}").unchecked == ()
        assert requested(zenodo) == ["/index", f"/mirror/{HUMAN}"]

    def test_a_different_file_of_the_same_name_is_rejected(self, zenodo, tmp_path):
        zenodo.add(**{f"mirror/{HUMAN}": FILES[HUMAN][::-1]})
        with pytest.raises(DreamkerasError, match=f"{HUMAN} was damaged in two downloads: expected md5:.*, got md5:.*"):
            download("human", tmp_path, f"{zenodo.url}/mirror")
        assert set(content(tmp_path)) == {INDEX_NAME}

    def test_the_index_of_the_mirror_is_used_if_zenodo_is_unavailable(self, no_zenodo, tmp_path):
        no_zenodo.add(**{f"mirror/{INDEX_NAME}": index()})
        assert download("human", tmp_path, f"{no_zenodo.url}/mirror").unchecked == ()
        no_zenodo.add(**{f"mirror/{INDEX_NAME}": index(**{HUMAN: b"another"})})
        with pytest.raises(DreamkerasError, match=f"Expected 7 bytes of {HUMAN}, got"):
            download("human", tmp_path / "again", f"{no_zenodo.url}/mirror")
        assert not (tmp_path / INDEX_NAME).exists(), "only an index from Zenodo is stored"

    @pytest.mark.parametrize("text", [None, b"<html>"])
    def test_unverified_files_are_reported_without_an_index(self, no_zenodo, tmp_path, text):
        if text:
            no_zenodo.add(**{f"mirror/{INDEX_NAME}": text})
        said = []
        done = download("human", tmp_path, f"{no_zenodo.url}/mirror", say=said.append)
        assert done.unchecked == (HUMAN,)
        assert "Cannot read checksums from" in said[-1]

    def test_a_downloaded_folder_can_be_used_as_a_mirror(self, no_zenodo, tmp_path, monkeypatch):
        monkeypatch.setattr(module, "INDEX_URL", f"{no_zenodo.url}/index")
        download("yeast", tmp_path / "first")
        monkeypatch.setattr(module, "INDEX_URL", f"{no_zenodo.url}/gone")
        no_zenodo.add(**{f"served/{name}": file for name, file in content(tmp_path / "first").items()})
        assert download("yeast", tmp_path / "second", f"{no_zenodo.url}/served").unchecked == ()

    @pytest.mark.parametrize("mirror", ["data/yeast", "file:///data"])
    def test_the_mirror_must_be_a_url(self, tmp_path, mirror):
        with pytest.raises(InputError, match="Expected a URL"):
            download("human", tmp_path / "new", mirror)
        assert not (tmp_path / "new").exists()


@pytest.mark.skipif(os.name != "posix", reason="locks of folders are POSIX's")
def test_concurrent_downloads_to_a_folder_are_rejected(zenodo, tmp_path):
    with claim(tmp_path), pytest.raises(DreamkerasError, match=r"^Another process is writing to .*\. Wait until that process has ended"):
        download("human", tmp_path)
    download("human", tmp_path)


def test_a_killed_download_is_resumed(zenodo, tmp_path):
    """The first process is killed during the download of the archive. The second process completes it and unpacks the archive."""
    zenodo.spoil(f"zenodo/{HUMAN}", Answer(stall=100))
    code = (
        "import os, sys; from pathlib import Path; from dreamkeras.data.published import download\n"
        "from dreamkeras.files import web; web.READ_SECONDS = 0.2\n"
        "download.INDEX_URL, download.FILES_URL = sys.argv[1] + '/index', sys.argv[1] + '/zenodo'\n"
        "download.download('human', Path(sys.argv[2]), say=lambda line: os.kill(os.getpid(), 9))"
    )
    killed = subprocess.run([sys.executable, "-c", code, zenodo.url, tmp_path], check=False)
    assert killed.returncode == -9
    assert set(content(tmp_path)) == {INDEX_NAME, f"{HUMAN}.part", LOCK}
    download("human", tmp_path)
    assert zenodo.ranges(f"zenodo/{HUMAN}") == [None, "bytes=100-"]
    assert (tmp_path / HUMAN).read_bytes() == FILES[HUMAN]
