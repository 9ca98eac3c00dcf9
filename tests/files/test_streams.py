import os
import sys

import pytest

from dreamkeras.files.streams import discarded_messages, find_descriptor, is_stream, open_stream


@pytest.fixture
def places(tmp_path):
    """Existing paths of different kinds, by name."""
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "out").symlink_to("/dev/stdout")
    (tmp_path / "again").symlink_to("out")
    (tmp_path / "deep").symlink_to("/dev/fd")
    (tmp_path / "nowhere").symlink_to("none")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "piped").symlink_to("pipe")
    (tmp_path / "1").write_bytes(b"x")
    return tmp_path


@pytest.mark.parametrize("name", ["pipe", "piped", "out", "again", "deep/2", "-", "/dev/null", "/dev/stdout", "/dev/fd/7", "folder/../out"])
def test_pipes_devices_and_descriptors_are_streams(places, monkeypatch, name):
    monkeypatch.chdir(places)
    assert is_stream(name)
    assert is_stream(places / name) == (name != "-")


@pytest.mark.parametrize("name", ["file", "folder", "none", "nowhere", "round", "none/deeper", "file/deeper", "1", "./-", ""])
def test_files_and_folders_are_not_streams(places, monkeypatch, name):
    monkeypatch.chdir(places)
    assert not is_stream(name)
    assert find_descriptor(name) is None


@pytest.mark.parametrize(
    ("name", "number"),
    [("-", 1), ("/dev/stdin", 0), ("/dev/stdout", 1), ("/dev/stderr", 2), ("/dev/fd/63", 63), ("again", 1), ("deep/5", 5), ("pipe", None)],
)
def test_descriptors_are_found_under_all_names(places, monkeypatch, name, number):
    monkeypatch.chdir(places)
    assert find_descriptor(name) == number


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_descriptors_of_other_processes_are_streams_without_a_number():
    for own in ("self", "thread-self", str(os.getpid())):
        assert find_descriptor(f"/proc/{own}/fd/1") == 1
    other = f"/proc/{os.getppid()}/fd/1"
    assert (is_stream(other), find_descriptor(other)) == (True, None)


def test_a_descriptor_stays_open(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        with open_stream(f"/dev/fd/{file.fileno()}") as stream:
            stream.write(b"one ")
        file.write(b"two")
    assert (tmp_path / "file").read_bytes() == b"one two"


def test_printed_text_precedes_the_output(capfd):
    print("first")
    with open_stream("/dev/stdout") as stream:
        stream.write(b"second\n")
    assert capfd.readouterr().out == "first\nsecond\n"


def test_messages_are_discarded_until_an_error(capfd):
    def chatter():
        os.write(2, b"chatter")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), discarded_messages():
        chatter()
    os.write(2, b"news")
    assert capfd.readouterr().err == "news"
