import hashlib
import subprocess

import numpy as np

from dreamkeras.files.digests import MEGABYTE, file_digest, md5, quick_digest


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


def test_an_empty_file_has_the_well_known_md5(tmp_path):
    (tmp_path / "empty").touch()
    assert md5(tmp_path / "empty") == "d41d8cd98f00b204e9800998ecf8427e"


def test_the_md5_equals_that_of_md5sum(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"ACGT\t7.5\n" * 100_000)
    assert md5(path) == subprocess.run(["md5sum", path], capture_output=True, text=True, check=True).stdout.split()[0]
