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
    """`get(file=record(), **more)`: transfers the server's `f` to `tmp_path/f` and gives what is in it."""
    server.add(f=CONTENT)

    def run(file=None, **more):
        transfer(f"{server.url}/f", tmp_path / "f", file or record(), **more)
        return (tmp_path / "f").read_bytes()

    return run


def left(folder):
    """Names in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("file", [record(), UNKNOWN])
def test_a_file_comes_whole_and_alone(get, tmp_path, server, file):
    assert get(file) == CONTENT
    assert left(tmp_path) == ["f"]
    assert server.requests == [("/f", None, None)]


def test_an_empty_file_comes_too(get, server):
    server.add(f=b"")
    assert get(record(b"")) == b""


def test_progress_tells_every_byte_once(get):
    told = []
    get(progress=lambda *args: told.append(args))
    assert told[-1] == ("f", SIZE, SIZE)
    assert [done for _, done, _ in told] == sorted({done for _, done, _ in told})
    assert len(told) >= SIZE // module.CHUNK


class TestResume:
    @pytest.mark.parametrize("file", [record(), UNKNOWN])
    def test_only_the_missing_bytes_are_asked_for(self, get, server, file):
        server.spoil("f", Answer(cut=400_000), Answer(cut=300_000))
        assert get(file) == CONTENT
        assert server.ranges("f") == [None, "bytes=400000-", "bytes=700000-"]
        assert len({same for _, _, same in server.requests[1:]}) == 1

    def test_any_number_of_cuts_is_survived_while_bytes_come(self, get, server):
        server.spoil("f", *[Answer(cut=SIZE // 20)] * 30)
        assert get() == CONTENT
        assert len(server.requests) == 20

    def test_cuts_that_bring_nothing_end_it_and_keep_what_came(self, get, server, tmp_path):
        server.spoil("f", Answer(cut=400_000), *[Answer(cut=0)] * 4)
        with pytest.raises(DreamkerasError, match=r"/f: connection closed, 5 times in a row\.$"):
            get()
        assert left(tmp_path) == ["f.part", "f.part.version"]
        assert (tmp_path / "f.part").read_bytes() == CONTENT[:400_000]
        assert get() == CONTENT
        assert server.ranges("f")[-1] == "bytes=400000-"
        assert left(tmp_path) == ["f"]

    def test_a_busy_server_does_not_cost_what_came(self, get, server):
        server.spoil("f", Answer(cut=400_000), Answer(503, {"Retry-After": "0"}), Answer(429))
        assert get() == CONTENT
        assert server.ranges("f") == [None, *["bytes=400000-"] * 3]

    def test_a_server_without_ranges_sends_it_all_again(self, get, server):
        server.spoil("f", Answer(cut=400_000), Answer(ignore_range=True))
        assert get() == CONTENT

    def test_a_server_without_ranges_that_always_cuts_ends_it(self, get, server):
        server.spoil("f", *[Answer(cut=400_000, ignore_range=True)] * 9)
        with pytest.raises(DreamkerasError, match="5 times in a row"):
            get()

    @pytest.mark.parametrize("version", [None, 'W/"weak"'])
    def test_without_a_version_nothing_is_resumed(self, get, server, version):
        server.spoil("f", Answer(cut=400_000, version=version), Answer(version=version))
        assert get() == CONTENT
        assert server.ranges("f") == [None, None]

    def test_the_date_of_change_is_a_version_too(self, get, server):
        date = {"Last-Modified": "Sun, 22 Nov 2026 12:00:00 GMT"}
        server.spoil("f", Answer(cut=400_000, version=None, headers=date), Answer(version=None, headers=date))
        assert get() == CONTENT
        assert server.requests[1] == ("/f", "bytes=400000-", date["Last-Modified"])

    @pytest.mark.parametrize("ignore", [False, True])
    @pytest.mark.parametrize("file", [record(OTHER), UNKNOWN])
    def test_versions_are_not_mixed_when_the_file_changes(self, get, server, file, ignore):
        server.spoil("f", Answer(cut=400_000, body=CONTENT), Answer(ignore_if_range=ignore))
        server.add(f=OTHER)
        assert get(file) == OTHER

    def test_a_shorter_version_is_noticed_too(self, get, server):
        server.spoil("f", Answer(cut=400_000, body=CONTENT), Answer(ignore_if_range=True))
        server.add(f=OTHER[:1_000])
        assert get(UNKNOWN) == OTHER[:1_000]

    def test_a_part_that_begins_elsewhere_is_dropped(self, get, server):
        server.spoil("f", Answer(cut=400_000), Answer(shift=5))
        assert get() == CONTENT
        assert server.ranges("f") == [None, "bytes=400000-", None]

    def test_a_part_that_nobody_asked_for_is_dropped(self, get, server, tmp_path):
        (tmp_path / "f.part").write_bytes(b"of an unknown origin")
        server.spoil("f", Answer(206, {"Content-Range": f"bytes 0-9/{SIZE}"}, body=CONTENT[:10]))
        assert get() == CONTENT

    @pytest.mark.parametrize("headers", [{}, {"Content-Range": "bytes 0-*/x"}])
    def test_a_part_without_a_range_is_dropped(self, get, server, headers):
        server.spoil("f", Answer(cut=400_000), Answer(206, headers, body=b"x" * 10))
        assert get() == CONTENT

    def test_bytes_of_no_known_version_are_dropped(self, get, tmp_path, server):
        (tmp_path / "f.part").write_bytes(b"of an unknown origin")
        assert get() == CONTENT
        assert server.ranges("f") == [None]

    def test_a_part_that_is_whole_is_not_requested_again(self, get, tmp_path, server):
        (tmp_path / "f.part").write_bytes(CONTENT)
        (tmp_path / "f.part.version").write_text('"any"')
        assert get() == CONTENT
        assert server.requests == []


class TestLies:
    @pytest.mark.parametrize("announced", [SIZE - 1, SIZE + 1, 0])
    def test_another_size_than_published_ends_it_before_a_byte_is_written(self, get, server, tmp_path, announced):
        server.spoil("f", Answer(announced=announced))
        with pytest.raises(DreamkerasError, match=rf"^Expected 1,000,000 bytes of f, got {announced:,} in the headers of http://.*/f\.$"):
            get()
        assert left(tmp_path) == []

    def test_a_size_that_never_comes_ends_it(self, get, server, tmp_path):
        server.spoil("f", *[Answer(announced=SIZE + 9, ignore_range=True)] * 9)
        with pytest.raises(DreamkerasError, match="connection closed"):
            get(UNKNOWN)
        assert not (tmp_path / "f").exists()

    @pytest.mark.parametrize("way", ["chunked", "endless"])
    def test_a_body_without_a_size_must_have_the_published_one(self, get, server, way):
        server.spoil("f", Answer(**{way: True}, cut=400_000), Answer(**{way: True}))
        assert get() == CONTENT
        assert server.ranges("f") == [None, "bytes=400000-"]

    @pytest.mark.parametrize("way", ["chunked", "endless"])
    def test_a_body_that_does_not_end_is_stopped(self, get, server, tmp_path, way):
        server.spoil("f", Answer(**{way: True}, body=CONTENT * 20))
        with pytest.raises(DreamkerasError, match=r"Expected 1,000,000 bytes of f, got 1,0\d\d,\d\d\d from"):
            get()
        assert left(tmp_path) == []

    def test_without_any_size_nothing_is_taken(self, get, server, tmp_path):
        server.spoil("f", Answer(chunked=True))
        with pytest.raises(InputError, match=r"did not report the size of f \(http"):
            get(UNKNOWN)
        assert left(tmp_path) == []

    def test_a_compressed_answer_is_not_taken_apart(self, get, server):
        server.spoil("f", Answer(headers={"Content-Encoding": "gzip"}))
        assert get() == CONTENT


class TestDamage:
    def test_damaged_bytes_are_fetched_once_more(self, get, server):
        said = []
        server.spoil("f", Answer(body=OTHER))
        assert get(say=said.append) == CONTENT
        assert len(said) == 1
        assert "md5:" in said[0]

    def test_damaged_twice_is_one_line_and_leaves_nothing(self, get, server, tmp_path):
        server.spoil("f", Answer(body=OTHER), Answer(body=OTHER))
        with pytest.raises(
            DreamkerasError, match=r"^f was damaged in two downloads: expected md5:\w{32}, got md5:\w{32} \(http://.*/f\)\.$"
        ):
            get()
        assert left(tmp_path) == []

    def test_a_part_damaged_on_the_disk_is_fetched_as_a_whole(self, get, server, tmp_path):
        server.spoil("f", Answer(cut=400_000), Answer(404))
        with pytest.raises(DreamkerasError, match="404"):
            get()
        (tmp_path / "f.part").write_bytes(b"\0" * 400_000)
        assert get() == CONTENT
        assert server.ranges("f")[-2:] == ["bytes=400000-", None]

    def test_a_folder_that_cannot_be_written_is_named(self, server, tmp_path):
        server.add(f=CONTENT)
        with pytest.raises(DreamkerasError, match=r"Cannot write .*missing/f: the folder .*missing does not exist"):
            transfer(f"{server.url}/f", tmp_path / "missing" / "f", record())

    def test_a_missing_file_leaves_nothing(self, server, tmp_path):
        with pytest.raises(DreamkerasError, match=r"/f: 404 Not Found\.$"):
            transfer(f"{server.url}/f", tmp_path / "f", record())
        assert left(tmp_path) == []


@pytest.mark.parametrize("seed", range(30))
def test_whatever_goes_wrong_a_file_is_right_or_not_there(server, tmp_path, seed):
    draw = random.Random(seed)
    spoilt = [
        lambda: Answer(cut=draw.randrange(SIZE)),
        lambda: Answer(cut=draw.randrange(SIZE), ignore_range=True),
        lambda: Answer(cut=draw.randrange(SIZE), chunked=True),
        lambda: Answer(
            cut=draw.randrange(SIZE), body=OTHER, ignore_if_range=draw.random() < 0.5, version=draw.choice(["", None, '"same"'])
        ),
        lambda: Answer(shift=draw.randrange(1, 9)),
        lambda: Answer(503),
    ]
    server.add(f=CONTENT)
    server.spoil("f", *[draw.choice(spoilt)() for _ in range(draw.randrange(12))])
    while not (tmp_path / "f").exists():  # what a failure leaves must not spoil the next call
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
def test_a_file_on_the_disk_is_checked(tmp_path, file, damage):
    (tmp_path / "f").write_bytes(CONTENT)
    assert check_file(tmp_path / "f", file) == damage


@pytest.mark.parametrize("file", [record(), UNKNOWN])
def test_a_killed_process_is_gone_on_with_by_the_next(get, server, tmp_path, file):
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
    assert left(tmp_path) == ["f.part", "f.part.version"]
    came = part.stat().st_size
    assert came > 300_000
    assert get(file) == CONTENT
    assert server.ranges("f") == [None, f"bytes={came}-"]
    assert left(tmp_path) == ["f"]
