import pytest

from dreamkeras.training.members.memory import available_memory

MEMINFO = "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    8000 kB\n"


@pytest.mark.parametrize(("meminfo", "limit", "wanted"), [
    (MEMINFO, None, 8000 << 10),
    (MEMINFO, "max\n", 8000 << 10),
    (MEMINFO, f"{5000 << 10}\n", 5000 << 10),
    (MEMINFO, f"{9000 << 10}\n", 8000 << 10),
    (None, None, None),
    ("MemTotal: 16000 kB\n", None, None),
])  # fmt: skip
def test_memory_is_that_of_the_machine_or_the_limit_of_the_container(tmp_path, meminfo, limit, wanted):
    for path, text in ((tmp_path / "proc" / "meminfo", meminfo), (tmp_path / "sys" / "fs" / "cgroup" / "memory.max", limit)):
        path.parent.mkdir(parents=True)
        if text is not None:
            path.write_text(text)
    assert available_memory(tmp_path) == wanted
