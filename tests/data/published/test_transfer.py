import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from file_server import Answer

from dreamkeras.data.published import transfer as module
from dreamkeras.data.published.record import RecordFile
from dreamkeras.data.published.transfer import check_file, transfer
from dreamkeras.errors import DreamkerasError, InputError

SIZE = 1_000_000
CONTENT = bytes(range(256)) * (SIZE // 256) + bytes(SIZE % 256)
OTHER = CONTENT[::-1]


def record(content=CONTENT, name="f"):
    return RecordFile(name, len(content), f"md5:{hashlib.md5(content).hexdigest()}")


UNKNOWN = RecordFile("f")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1 << 14)


@pytest.fixture
def get(server, tmp_path):
    """Returns `get(file=record(), **more)`, which downloads `f` from the server to `tmp_path/f` and returns its content."""
    server.add(f=CONTENT)

    def run(file=None, **more):
        transfer(f"{server.url}/f", tmp_path / "f", file or record(), **more)
        return (tmp_path / "f").read_bytes()

    return run


def left(folder):
    """Returns the names in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("file", [record(), UNKNOWN])
def test_a_file_is_downloaded_completely_without_temporary_files(get, tmp_path, server, file):
    assert get(file) == CONTENT
    assert left(tmp_path) == ["f"]
    assert server.requests == [("/f", None)]


def test_empty_files_are_downloaded(get, server):
    server.add(f=b"")
    assert get(record(b"")) == b""


def test_progress_reports_every_byte_once(get):
    told = []
    get(progress=lambda *args: told.append(args))
    assert told[-1] == ("f", SIZE, SIZE)
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})
    assert len(told) >= SIZE // module.CHUNK


class TestResume:
    def test_only_missing_bytes_are_requested(self, get, server):
        server.spoil("f", Answer(cut=400_000), Answer(cut=300_000))
        assert get() == CONTENT
        assert server.ranges("f") == [None, "bytes=400000-", "bytes=700000-"]

    def test_downloads_without_a_checksum_start_again(self, get, server):
        server.spoil("f", Answer(cut=400_000))
        assert get(UNKNOWN) == CONTENT
        assert server.ranges("f") == [None, None]

    def test_interruptions_are_tolerated_while_there_is_progress(self, get, server):
        server.spoil("f", *[Answer(cut=SIZE // 20)] * 30)
        assert get() == CONTENT
        assert len(server.requests) == 20

    def test_interruptions_without_progress_are_an_error_and_keep_the_bytes(self, get, server, tmp_path):
        server.spoil("f", Answer(cut=400_000), *[Answer(cut=0)] * 4)
        with pytest.raises(DreamkerasError, match=r"/f: connection closed, 5 times in a row\.$"):
            get()
        assert left(tmp_path) == ["f.part"]
        assert (tmp_path / "f.part").read_bytes() == CONTENT[:400_000]
        assert get() == CONTENT
        assert server.ranges("f")[-1] == "bytes=400000-"
        assert left(tmp_path) == ["f"]

    def test_bytes_are_kept_while_the_server_is_busy(self, get, server):
        server.spoil("f", Answer(cut=400_000), Answer(503, {"Retry-After": "0"}), Answer(429))
        assert get() == CONTENT
        assert server.ranges("f") == [None, *["bytes=400000-"] * 3]

    def test_servers_without_range_requests_send_the_complete_file(self, get, server):
        server.spoil("f", Answer(cut=400_000), Answer(ignore_range=True))
        assert get() == CONTENT

    def test_interrupted_downloads_without_range_requests_are_an_error(self, get, server):
        server.spoil("f", *[Answer(cut=400_000, ignore_range=True)] * 9)
        with pytest.raises(DreamkerasError, match="5 times in a row"):
            get()

    @pytest.mark.parametrize("file", [record(OTHER), UNKNOWN])
    def test_versions_are_not_mixed_when_the_file_changes(self, get, server, file):
        server.spoil("f", Answer(cut=400_000, body=CONTENT))
        server.add(f=OTHER)
        assert get(file) == OTHER

    def test_a_shorter_version_is_detected(self, get, server):
        server.spoil("f", Answer(cut=400_000, body=CONTENT))
        server.add(f=OTHER[:1_000])
        assert get(UNKNOWN) == OTHER[:1_000]

    def test_a_range_with_another_start_is_discarded(self, get, server):
        server.spoil("f", Answer(cut=400_000), Answer(shift=5))
        assert get() == CONTENT
        assert server.ranges("f") == [None, "bytes=400000-", "bytes=999995-", None]

    def test_an_unrequested_range_is_discarded(self, get, server):
        server.spoil("f", Answer(206, {"Content-Range": f"bytes 0-9/{SIZE}"}, body=CONTENT[:10]))
        assert get(UNKNOWN) == CONTENT

    @pytest.mark.parametrize("headers", [{}, {"Content-Range": "bytes 0-*/x"}])
    def test_a_partial_response_without_content_range_is_discarded(self, get, server, headers):
        server.spoil("f", Answer(cut=400_000), Answer(206, headers, body=b"x" * 10))
        assert get() == CONTENT

    @pytest.mark.parametrize(("file", "ranges"), [(record(), ["bytes=20-", None]), (UNKNOWN, [None])])
    @pytest.mark.parametrize("size", [20, SIZE, SIZE + 1])
    def test_bytes_of_another_file_are_discarded(self, get, tmp_path, server, file, ranges, size):
        (tmp_path / "f.part").write_bytes(bytes(size))
        assert get(file) == CONTENT
        assert server.ranges("f") == ranges[-1 if size >= SIZE else 0 :]

    def test_a_complete_partial_file_is_not_requested_again(self, get, tmp_path, server):
        (tmp_path / "f.part").write_bytes(CONTENT)
        assert get() == CONTENT
        assert server.requests == []


class TestWrongHeaders:
    @pytest.mark.parametrize("announced", [SIZE - 1, SIZE + 1, 0])
    def test_a_wrong_size_in_the_headers_is_an_error_before_writing(self, get, server, tmp_path, announced):
        server.spoil("f", Answer(announced=announced))
        with pytest.raises(DreamkerasError, match=rf"^Expected 1,000,000 bytes of f, got {announced:,} in the headers of http://.*/f\.$"):
            get()
        assert left(tmp_path) == []

    def test_a_file_shorter_than_announced_is_an_error(self, get, server, tmp_path):
        server.spoil("f", *[Answer(announced=SIZE + 9, ignore_range=True)] * 9)
        with pytest.raises(DreamkerasError, match="connection closed"):
            get(UNKNOWN)
        assert not (tmp_path / "f").exists()

    @pytest.mark.parametrize("way", ["chunked", "endless"])
    def test_a_response_without_size_must_have_the_published_size(self, get, server, way):
        server.spoil("f", Answer(**{way: True}, cut=400_000), Answer(**{way: True}))
        assert get() == CONTENT
        assert server.ranges("f") == [None, "bytes=400000-"]

    @pytest.mark.parametrize("way", ["chunked", "endless"])
    def test_a_response_longer_than_the_published_size_is_stopped(self, get, server, tmp_path, way):
        server.spoil("f", Answer(**{way: True}, body=CONTENT * 20))
        with pytest.raises(DreamkerasError, match=r"Expected 1,000,000 bytes of f, got 1,0\d\d,\d\d\d from"):
            get()
        assert left(tmp_path) == []

    def test_a_file_of_unknown_size_is_rejected(self, get, server, tmp_path):
        server.spoil("f", Answer(chunked=True))
        with pytest.raises(InputError, match=r"did not report the size of f \(http"):
            get(UNKNOWN)
        assert left(tmp_path) == []

    def test_content_encoding_is_not_decoded(self, get, server):
        server.spoil("f", Answer(headers={"Content-Encoding": "gzip"}))
        assert get() == CONTENT


class TestDamage:
    def test_damaged_files_are_downloaded_again(self, get, server):
        said = []
        server.spoil("f", Answer(body=OTHER))
        assert get(say=said.append) == CONTENT
        assert len(said) == 1
        assert "md5:" in said[0]

    def test_two_damaged_downloads_are_an_error_and_leave_no_file(self, get, server, tmp_path):
        server.spoil("f", Answer(body=OTHER), Answer(body=OTHER))
        with pytest.raises(
            DreamkerasError, match=r"^f was damaged in two downloads: expected md5:\w{32}, got md5:\w{32} \(http://.*/f\)\.$"
        ):
            get()
        assert left(tmp_path) == []

    def test_a_partial_file_damaged_on_disk_is_downloaded_again(self, get, server, tmp_path):
        server.spoil("f", Answer(cut=400_000), Answer(404))
        with pytest.raises(DreamkerasError, match="404"):
            get()
        (tmp_path / "f.part").write_bytes(b"\0" * 400_000)
        assert get() == CONTENT
        assert server.ranges("f")[-2:] == ["bytes=400000-", None]

    def test_an_unwritable_folder_is_named_in_the_error(self, server, tmp_path):
        server.add(f=CONTENT)
        with pytest.raises(DreamkerasError, match=r"Cannot write .*missing/f: the folder .*missing does not exist"):
            transfer(f"{server.url}/f", tmp_path / "missing" / "f", record())

    def test_a_file_missing_on_the_server_leaves_no_file(self, server, tmp_path):
        with pytest.raises(DreamkerasError, match=r"/f: 404 Not Found\.$"):
            transfer(f"{server.url}/f", tmp_path / "f", record())
        assert left(tmp_path) == []


@pytest.mark.parametrize("seed", range(30))
def test_files_are_correct_or_missing_after_any_failure(server, tmp_path, seed):
    draw = random.Random(seed)
    spoilt = [
        lambda: Answer(cut=draw.randrange(SIZE)),
        lambda: Answer(cut=draw.randrange(SIZE), ignore_range=True),
        lambda: Answer(cut=draw.randrange(SIZE), chunked=True),
        lambda: Answer(cut=draw.randrange(SIZE), body=OTHER),
        lambda: Answer(shift=draw.randrange(1, 9)),
        lambda: Answer(503),
    ]
    server.add(f=CONTENT)
    server.spoil("f", *[draw.choice(spoilt)() for _ in range(draw.randrange(12))])
    while not (tmp_path / "f").exists():  # files left by a failed call must not affect the next call
        with contextlib.suppress(DreamkerasError):
            transfer(f"{server.url}/f", tmp_path / "f", record())
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert left(tmp_path) == ["f"]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        (record(), None),
        (UNKNOWN, None),
        (RecordFile("f", SIZE), None),
        (RecordFile("f", 3), "3 bytes, got 1,000,000"),
        (record(OTHER), f"{record(OTHER).checksum}, got {record().checksum}"),
    ],
)
def test_files_on_disk_are_verified(tmp_path, file, damage):
    (tmp_path / "f").write_bytes(CONTENT)
    assert check_file(tmp_path / "f", file) == damage


@pytest.mark.parametrize("file", [record(), UNKNOWN])
def test_a_killed_download_is_completed_by_the_next_process(get, server, tmp_path, file):
    server.spoil("f", Answer(stall=400_000))
    code = (
        "import sys; from pathlib import Path; from dreamkeras.data.published import transfer\n"
        "from dreamkeras.data.published.record import RecordFile\n"
        "transfer.CHUNK = 1 << 10; transfer.transfer(sys.argv[1], Path(sys.argv[2]), RecordFile('f'))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, f"{server.url}/f", tmp_path / "f"])
    part = tmp_path / "f.part"
    deadline = time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 300_000) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert left(tmp_path) == ["f.part"]
    came = part.stat().st_size
    assert came > 300_000
    assert get(file) == CONTENT
    assert server.ranges("f") == [None, f"bytes={came}-" if file.checksum else None]
    assert left(tmp_path) == ["f"]
