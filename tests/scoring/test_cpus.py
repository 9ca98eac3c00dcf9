import os

import pytest

from dreamkeras.scoring.cpus import available_cpus


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(autouse=True)
def sixteen_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", {0: set(range(16))}.__getitem__, raising=False)  # 0 is this process


def test_affinity_is_used_without_a_cgroup(tmp_path):
    assert available_cpus(tmp_path) == 16


def test_cpu_count_is_used_without_affinity(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert available_cpus(tmp_path) == 3


@pytest.mark.parametrize(
    ("quota", "cpus"),
    [("200000 100000", 2), ("250000 100000", 2), ("50000 100000", 1), ("max 100000", 16), ("6400000 100000", 16), ("", 16)],
)
def test_quota_of_version_2_is_rounded_down_to_at_least_one(tmp_path, quota, cpus):
    write(tmp_path, {"proc/self/cgroup": "0::/pod/box\n", "sys/fs/cgroup/pod/box/cpu.max": quota + "\n"})
    assert available_cpus(tmp_path) == cpus


def test_tightest_quota_of_the_parent_groups_is_used(tmp_path):
    files = {"sys/fs/cgroup/pod/cpu.max": "300000 100000", "sys/fs/cgroup/pod/box/cpu.max": "max 100000"}
    write(tmp_path, {"proc/self/cgroup": "0::/pod/box\n", **files})
    assert available_cpus(tmp_path) == 3


def test_quota_of_the_mount_is_used_if_the_group_has_the_path_of_the_host(tmp_path):
    write(tmp_path, {"proc/self/cgroup": "0::/on/the/host\n", "sys/fs/cgroup/cpu.max": "400000 100000"})
    assert available_cpus(tmp_path) == 4


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
def test_quota_of_version_1(tmp_path, mount):
    group = f"sys/fs/cgroup/{mount}/box"
    write(tmp_path, {"proc/self/cgroup": "4:memory:/box\n3:cpu,cpuacct:/box\n0::/\n", f"{group}/cpu.cfs_quota_us": "500000\n"})
    write(tmp_path, {f"{group}/cpu.cfs_period_us": "100000\n"})
    assert available_cpus(tmp_path) == 5


def test_quota_of_version_1_may_be_unlimited(tmp_path):
    files = {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}
    write(tmp_path, {"proc/self/cgroup": "1:cpu:/\n", **files})
    assert available_cpus(tmp_path) == 16


def test_cpuset_group_is_not_read_as_a_quota(tmp_path):
    write(tmp_path, {"proc/self/cgroup": "1:cpuset:/box\n", "sys/fs/cgroup/cpuset/box/cpu.max": "100000 100000"})
    assert available_cpus(tmp_path) == 16


def test_this_machine_has_a_cpu():
    assert 1 <= available_cpus() <= 16


def test_one_cpu_is_assumed_if_the_system_reports_none(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cpus(tmp_path) == 1
