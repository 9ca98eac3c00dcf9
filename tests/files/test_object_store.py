"""Paths, `file://` URLs, and a local S3 server whose objects are written and read with Amazon's client."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from dreamkeras.errors import DreamkerasError, InputError, MissingPackageError
from dreamkeras.files import object_store
from dreamkeras.files.digests import MEGABYTE, quick_digest
from dreamkeras.files.object_store import is_url, locate

NAMES = ["a.fa", "b c%2F+?.fa"]


@pytest.fixture(params=["path", "file", "s3"])
def place(request, tmp_path):
    """A folder with two files, a hidden file and a folder, and functions that read and write in it without the module."""
    contents = {**{f"in/{name}": name.encode() * 2 for name in NAMES}, "in/.hidden": b"", "in/sub/c.fa": b"c"}
    if request.param == "s3":
        bucket = request.getfixturevalue("bucket")
        for key, content in contents.items():
            bucket.put(key, content)
        return locate(bucket.url("in")), bucket.get, bucket.written
    for key, content in contents.items():
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(content)
    text = str(tmp_path / "in") if request.param == "path" else f"{tmp_path.as_uri()}/in"

    def keys():
        return [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")]

    return locate(text), lambda key: (tmp_path / key).read_bytes(), keys


def made(place, content):
    with place.made() as path:
        Path(path).write_bytes(content)


class TestFolder:
    def test_files_are_sorted_and_exclude_hidden_ones(self, place):
        folder, _, _ = place
        assert [file.name for file in folder.files()] == NAMES
        assert folder.names() == {*NAMES, ".hidden", "sub"}

    def test_a_file_is_located_by_its_text(self, place):
        folder, read, _ = place
        for file in folder.files():
            found = locate(file.text)
            assert (str(found), found.name, found.read()) == (str(file), file.name, read(f"in/{file.name}"))
            assert [str(same) for same in found.files()] == [str(file)]

    def test_a_missing_folder_has_no_names(self, place):
        folder, _, _ = place
        none = folder / "none"
        assert (none.names(), none.read()) == (set(), None)
        with pytest.raises(InputError, match=r"File or folder not found: .*in/none\."):
            none.files()
        with pytest.raises(InputError, match=r"File not found: .*in/none\."):
            none.quick_digest()


class TestFile:
    def test_a_fetched_file_has_the_same_name(self, place):
        folder, _, _ = place
        with (folder / NAMES[1]).fetched() as path:
            assert (Path(path).name, Path(path).read_bytes()) == (NAMES[1], NAMES[1].encode() * 2)

    def test_errors_name_the_file_and_not_its_copy(self, place):
        folder, _, _ = place
        with pytest.raises(InputError) as caught, (folder / "a.fa").fetched() as path:
            raise InputError(f"Expected more in {path}.")
        assert str(caught.value) == f"Expected more in {folder}/a.fa."

    def test_a_file_appears_when_it_is_complete(self, place):
        folder, read, keys = place
        out = folder / "new folder"
        out.make_folder()
        before = set(keys())

        def fail():
            with (out / "x.tsv").made():
                assert set(keys()) == before
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert out.names() == set()
        made(out / "x.tsv", b"whole")
        assert (out.names(), read("in/new folder/x.tsv")) == ({"x.tsv"}, b"whole")
        made(out / "x.tsv", b"another")
        assert (out / "x.tsv").read() == b"another"

    @pytest.mark.parametrize("size", [0, 5, 2 * MEGABYTE + 7])
    def test_a_quick_digest_depends_on_bytes_and_modification_time(self, place, size):
        folder, _, _ = place
        content = bytes(range(251)) * (size // 251 + 1)
        made(folder / "large", content[:size])
        seen, _, when = (folder / "large").quick_digest().rpartition(":")
        assert seen == quick_digest(io.BytesIO(content[:size]))
        assert int(when) > 0


class TestObjects:
    def test_options_and_passwords_are_not_shown(self, bucket):
        folder = locate(bucket.url("in", user="testing:secret@"))
        assert str(folder / "a b") == "s3://testing@promoters/in/a b"
        made(folder / "a b", b"x")
        assert bucket.get("in/a b") == b"x"

    def test_a_bucket_can_be_used_as_a_folder(self, bucket):
        bucket.put("x.fa", b"x")
        for url in (bucket.url(), bucket.url().replace("/?", "?")):
            assert [str(file) for file in locate(url).files()] == ["s3://promoters/x.fa"]

    def test_a_missing_bucket_is_named_in_the_error(self, bucket):
        folder = locate(bucket.url("in", bucket="nobody"))
        with pytest.raises(InputError, match=r"not found: s3://nobody/in\."):
            folder.files()
        with pytest.raises(DreamkerasError, match=r"^Cannot write s3://nobody/in/x: .*NO_SUCH_BUCKET.* does not exist\.$"):
            made(folder / "x", b"x")

    def test_a_missing_permission_is_named_in_the_error(self, bucket):
        bucket.put("x.fa", b"x")
        bucket.refuse_after(0)
        place = locate(bucket.url("x.fa"))
        for ask in (place.files, place.names, place.quick_digest, place.read, lambda: made(place, b"")):
            with pytest.raises(DreamkerasError, match=r"^Cannot (read|write) s3://promoters/x\.fa: .*(ACCESS_DENIED|INVALID_ACCESS_KEY)"):
                ask()

    def test_a_large_object_needs_few_requests(self, bucket):
        content = bytes(5 * object_store.CHUNK // 2)
        bucket.put("large", content)
        bucket.refuse_after(6)
        with locate(bucket.url("large")).fetched() as path:
            assert Path(path).read_bytes() == content

    def test_incomplete_objects_have_temporary_names(self, tmp_path, monkeypatch):
        """A local folder as a store, in which a name appears as soon as a file is opened for writing."""
        filesystems = pytest.importorskip("pyarrow.fs")
        store = filesystems.SubTreeFileSystem(str(tmp_path), filesystems.LocalFileSystem())
        monkeypatch.setattr(object_store, "_open_store", lambda url, shown: (store, ""))
        moved = []
        monkeypatch.setattr(object_store, "_copy", lambda source, path, target, copy: (moved.append(copy), Path(tmp_path, copy).touch()))
        folder = locate("hdfs://host/out")
        folder.make_folder()
        made(folder / "x", b"")
        assert [file.name for file in (tmp_path / "out").iterdir()] == ["x"]
        assert moved[0].startswith("out/.dreamkeras-")


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "message"),
        [
            (
                "zz://bucket/in",
                r"Expected the URL of an object store, got zz://bucket/: Unrecognized filesystem type in URI: zz://bucket/\.$",
            ),
            ("zz://me:secret@bucket/in", r"got zz://me@bucket/: Unrecognized filesystem type in URI: zz://me@bucket/\.$"),
            ("s3://bucket/in?colour=red", r"got s3://bucket/: Unexpected query parameter in S3 URI: 'colour'\.$"),
            (
                "file://host/in",
                r"Expected a URL with three slashes for a file on this machine, such as file:///data/x\.fa, got file://host/in\.$",
            ),
        ],
    )
    def test_unsupported_urls_are_rejected(self, url, message):
        pytest.importorskip("pyarrow.fs")
        with pytest.raises(InputError, match=message):
            locate(url)

    def test_urls_of_stores_require_pyarrow(self, monkeypatch, tmp_path):
        monkeypatch.setitem(sys.modules, "pyarrow.fs", None)
        object_store._open_store.cache_clear()
        with pytest.raises(MissingPackageError, match=r"Missing package: pyarrow for URLs\. .* pip install 'dreamkeras\[parquet\]'"):
            locate("s3://bucket/in")
        assert locate(tmp_path.as_uri()).files() == []

    def test_urls_are_distinguished_from_paths(self, tmp_path, monkeypatch):
        assert list(map(is_url, ["s3://b", "GS://b/c", "file:///x", "a/b", "s3:/b", "c:\\x", "-", "://x"])) == [True] * 3 + [False] * 5
        monkeypatch.chdir(tmp_path)
        assert locate("x/y").text == str(tmp_path / "x/y")


def test_importing_the_module_imports_no_pyarrow():
    code = "import sys, dreamkeras.files.object_store; print('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
