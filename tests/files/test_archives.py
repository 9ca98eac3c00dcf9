import gzip
import io
import os
import signal
import subprocess
import sys
import tarfile

import pytest

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.files import archives
from dreamkeras.files.archives import unpack


def member(name, content=b"", **header):
    """Returns a member of an archive. Keyword arguments are fields of its header."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in header.items():
        setattr(info, key, value)
    return info, content


@pytest.fixture
def packed(tmp_path):
    """Returns `packed(*members)`, which writes an archive and returns its path."""

    def write(*members):
        path = tmp_path / "data.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for info, content in members:
                archive.addfile(info, io.BytesIO(content) if content else None)
        return path

    return write


def tree(folder):
    """Returns all paths below a folder, with the content of files."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def refuse(archive, message):
    """Checks that an archive is rejected and that no file is left inside or outside the folder."""
    before = tree(archive.parent)
    with pytest.raises(InputError, match=message) as caught:
        unpack(archive, archive.parent / "out")
    assert "\n" not in str(caught.value)
    assert tree(archive.parent) == before


class TestValidArchives:
    def test_files_and_folders_are_unpacked(self, packed, tmp_path):
        archive = packed(
            member("./", type=tarfile.DIRTYPE), member("a/b/x.tsv", b"1\n"), member("./a/y.tsv", b"2\n" * 90_000), member("empty")
        )
        unpack(archive, tmp_path / "out")
        assert tree(tmp_path / "out") == {"a": None, "a/b": None, "a/b/x.tsv": b"1\n", "a/y.tsv": b"2\n" * 90_000, "empty": b""}
        assert not list(tmp_path.glob(".*"))

    def test_archives_of_the_system_are_unpacked(self, tmp_path):
        folder = tmp_path / "in" / ("long" * 30)
        folder.mkdir(parents=True)
        (folder / ("ä" * 60)).write_bytes(b"ACGT")
        subprocess.run(["tar", "-czf", tmp_path / "data.tar.gz", "-C", tmp_path / "in", "."], check=True)
        unpack(tmp_path / "data.tar.gz", tmp_path / "out")
        assert tree(tmp_path / "out") == tree(tmp_path / "in")

    def test_modes_and_owners_of_the_archive_are_ignored(self, packed, tmp_path):
        unpack(packed(member("x", b"1", mode=0o6777, uid=0, mtime=1)), tmp_path / "out")
        (tmp_path / "plain").write_bytes(b"")
        assert (tmp_path / "out" / "x").stat().st_mode == (tmp_path / "plain").stat().st_mode

    def test_an_existing_folder_is_not_changed(self, packed, tmp_path):
        (tmp_path / "out").mkdir()
        refuse(packed(member("x", b"1")), r"^Cannot unpack .*: the folder .*out already exists")


class TestUnsafeMembers:
    @pytest.mark.parametrize("name", ["../evil", "a/../../evil", "a/..", "/evil", "//evil", "a\\..\\evil", "C:evil", ".."])
    def test_paths_outside_the_folder_are_rejected(self, packed, name):
        refuse(packed(member("fine", b"1"), member(name, b"2")), "whose path leads outside the folder it is extracted to")

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
    @pytest.mark.parametrize("target", ["/etc/passwd", "../evil", "fine"])
    def test_links_are_rejected(self, packed, kind, target):
        refuse(packed(member("fine", b"1"), member("link", type=kind, linkname=target)), f"a link to '{target}': 'link'")

    def test_nothing_is_written_through_a_link(self, packed):
        refuse(packed(member("dir", type=tarfile.SYMTYPE, linkname=".."), member("dir/evil", b"2")), "a link to '..'")

    @pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
    def test_devices_and_pipes_are_rejected(self, packed, kind):
        refuse(packed(member("dev", type=kind)), "a device or pipe: 'dev'")

    @pytest.mark.parametrize("second", [member("x", b"2"), member("x/y", b"2"), member("x", type=tarfile.DIRTYPE)])
    def test_repeated_names_are_rejected(self, packed, second):
        refuse(packed(member("x", b"1"), second), r"contains .* twice")


class TestBombs:
    def test_the_unpacked_size_is_limited(self, packed, monkeypatch):
        monkeypatch.setattr(archives, "SMALLEST_BOUND", 1 << 20)
        refuse(packed(member("zeros", b"\0" * (3 << 20))), "Expected at most 1,048,576 bytes in .*, got more")

    def test_headers_count_towards_the_size(self, tmp_path, monkeypatch):
        monkeypatch.setattr(archives, "SMALLEST_BOUND", 1 << 20)
        info = tarfile.TarInfo("x")
        info.pax_headers = {"comment": "0" * (3 << 20)}
        (tmp_path / "data.tar.gz").write_bytes(gzip.compress(info.tobuf(tarfile.PAX_FORMAT) + bytes(1024)))
        refuse(tmp_path / "data.tar.gz", "got more")

    def test_bytes_after_the_last_member_count_towards_the_size(self, tmp_path, monkeypatch):
        monkeypatch.setattr(archives, "SMALLEST_BOUND", 1 << 20)
        (tmp_path / "data.tar.gz").write_bytes(gzip.compress(bytes(3 << 20)))
        refuse(tmp_path / "data.tar.gz", "got more")

    def test_sparse_files_are_rejected(self, tmp_path):
        with (tmp_path / "sparse").open("wb") as file:
            file.truncate(1 << 20)
            file.seek(1 << 30)
            file.write(b"1")
        subprocess.run(["tar", "-czSf", tmp_path / "data.tar.gz", "-C", tmp_path, "sparse"], check=True)
        (tmp_path / "sparse").unlink()
        refuse(tmp_path / "data.tar.gz", "a sparse file: 'sparse'")

    def test_the_number_of_members_is_limited(self, packed, monkeypatch):
        monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
        refuse(packed(*(member(f"x{i}") for i in range(4))), "Expected at most 3 members")


class TestDamage:
    @pytest.mark.parametrize("content", [b"", b"ACGT", gzip.compress(b"no tar" * 200), b"\x1f\x8b\x08\x00broken"])
    def test_other_files_are_rejected(self, tmp_path, content):
        (tmp_path / "data.tar.gz").write_bytes(content)
        refuse(tmp_path / "data.tar.gz", r"data\.tar\.gz is damaged or not a \.tar\.gz file")

    def test_truncated_archives_are_rejected(self, packed):
        archive = packed(member("x", os.urandom(30_000)), member("y", b"2"))
        whole = archive.read_bytes()
        for length in (5, 200, len(whole) // 2, len(whole) - 20, len(whole) - 1):
            archive.write_bytes(whole[:length])
            refuse(archive, "is damaged or not a")

    def test_a_changed_byte_is_detected(self, packed):
        archive = packed(member("x", os.urandom(30_000)))
        content = bytearray(archive.read_bytes())
        content[len(content) // 2] ^= 1
        archive.write_bytes(content)
        refuse(archive, "is damaged or not a")

    def test_a_killed_process_leaves_no_folder_and_the_next_call_unpacks_it(self, packed, tmp_path):
        archive = packed(member("a/x", b"1" * 5_000), member("a/y", b"2"))
        die_within = (
            "import os, shutil, sys; from pathlib import Path; from dreamkeras.files.archives import unpack\n"
            "def half(source, file, *_): file.write(source.read(9)); file.flush(); os.kill(os.getpid(), 9)\n"
            "shutil.copyfileobj = half; unpack(Path(sys.argv[1]), Path(sys.argv[2]))"
        )
        done = subprocess.run([sys.executable, "-c", die_within, archive, tmp_path / "out"], check=False)
        assert done.returncode == -signal.SIGKILL
        assert not (tmp_path / "out").exists()
        assert (tmp_path / ".out.unfinished" / "a" / "x").read_bytes() == b"1" * 9
        unpack(archive, tmp_path / "out")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data.tar.gz", "out"]
        assert tree(tmp_path / "out") == {"a": None, "a/x": b"1" * 5_000, "a/y": b"2"}

    def test_an_unwritable_folder_is_named_in_the_error(self, packed, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(DreamkerasError, match=r"Cannot write .*file/out: Not a directory"):
            unpack(packed(member("x", b"1")), tmp_path / "file" / "out")
