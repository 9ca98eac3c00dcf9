import hashlib
import subprocess

import numpy as np
import pytest

from dreamkeras.errors import InputError
from dreamkeras.files import digests
from dreamkeras.files.digests import KINDS, MEGABYTE, checksum_of, file_digest, quick_digest


def test_the_digest_equals_that_of_sha256sum(tmp_path):
    (tmp_path / "x").write_bytes(b"promoter")
    assert file_digest(tmp_path / "x") == hashlib.sha256(b"promoter").hexdigest()


def digest(path):
    with path.open("rb") as file:
        return quick_digest(file)


def test_a_quick_digest_depends_on_size_beginning_and_end(tmp_path):
    data = np.zeros(3 * MEGABYTE, np.uint8)
    seen = set()
    for change in (None, 0, MEGABYTE - 1, 2 * MEGABYTE, 3 * MEGABYTE - 1):
        changed = data.copy()
        if change is not None:
            changed[change] = 1
        (tmp_path / "x").write_bytes(changed.tobytes())
        seen.add(digest(tmp_path / "x"))
    (tmp_path / "x").write_bytes(data[1:].tobytes())
    assert len({*seen, digest(tmp_path / "x")}) == 6


@pytest.mark.parametrize(
    ("kind", "empty"), [("md5", "d41d8cd98f00b204e9800998ecf8427e"), ("git-blob", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")]
)
def test_an_empty_file_has_the_well_known_checksum(tmp_path, kind, empty):
    (tmp_path / "empty").touch()
    assert checksum_of(tmp_path / "empty", kind) == f"{kind}:{empty}"


def test_a_checksum_does_not_depend_on_the_read_size(tmp_path, monkeypatch):
    path, content = tmp_path / "file", bytes(range(256)) * 5
    path.write_bytes(content)
    monkeypatch.setattr(digests, "MEGABYTE", 7)
    assert checksum_of(path, "md5") == f"md5:{hashlib.md5(content).hexdigest()}"


def test_git_blob_checksums_equal_those_of_git(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"ACGT\t7.5\n" * 1_000)
    named = subprocess.run(["git", "hash-object", path], capture_output=True, text=True, check=True).stdout.strip()
    assert checksum_of(path, "git-blob") == f"git-blob:{named}"


def test_the_kind_can_be_given_as_a_checksum(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x")
    for kind in KINDS:
        assert checksum_of(path, f"{kind}:0123") == checksum_of(path, kind)


def test_other_kinds_are_rejected(tmp_path):
    with pytest.raises(InputError, match="md5 or git-blob, got 'crc32'"):
        checksum_of(tmp_path, "crc32:00")
