import hashlib

import numpy as np

from dreamkeras.files.digests import EDGE, file_digest, quick_digest


def test_the_digest_is_that_of_sha256sum(tmp_path):
    (tmp_path / "x").write_bytes(b"promoter")
    assert file_digest(tmp_path / "x") == hashlib.sha256(b"promoter").hexdigest()


def digest(path):
    with path.open("rb") as file:
        return quick_digest(file)


def test_a_quick_digest_sees_size_beginning_and_end(tmp_path):
    data = np.zeros(3 * EDGE, np.uint8)
    seen = set()
    for change in (None, 0, EDGE - 1, 2 * EDGE, 3 * EDGE - 1):
        changed = data.copy()
        if change is not None:
            changed[change] = 1
        (tmp_path / "x").write_bytes(changed.tobytes())
        seen.add(digest(tmp_path / "x"))
    (tmp_path / "x").write_bytes(data[1:].tobytes())
    assert len({*seen, digest(tmp_path / "x")}) == 6
