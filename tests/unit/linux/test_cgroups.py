"""Control groups of containers, of both versions."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from proctracker.linux import cgroups

_ID = "3f" * 32
_V1 = f"""12:memory:/machine.slice/libpod-{_ID}.scope
5:cpu,cpuacct:/machine.slice/libpod-{_ID}.scope/container
4:freezer:/somewhere/else
0::/machine.slice/libpod-{_ID}.scope
"""
_MOUNTS_V1 = """30 20 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
31 20 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 20 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 20 0:29 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer
"""
_MOUNTS_V2 = "30 20 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"


def test_version_one() -> None:
    scope = f"/machine.slice/libpod-{_ID}.scope"
    assert cgroups.resolve(_V1, cgroups.mounted(_MOUNTS_V1), _ID) == cgroups.Paths(
        cpuacct=f"/sys/fs/cgroup/cpu,cpuacct{scope}",
        memory=f"/sys/fs/cgroup/memory{scope}",
        freezer=None,
        unified=f"/sys/fs/cgroup/unified{scope}",
    )


def test_version_two() -> None:
    found = cgroups.resolve(f"0::/user.slice/libpod-{_ID}.scope/container\n", cgroups.mounted(_MOUNTS_V2), _ID)
    assert found == cgroups.Paths(unified=f"/sys/fs/cgroup/user.slice/libpod-{_ID}.scope")


def test_without_an_id_the_group_itself() -> None:
    assert cgroups.resolve("0::/a/b\n", cgroups.mounted(_MOUNTS_V2)) == cgroups.Paths(unified="/sys/fs/cgroup/a/b")


def test_another_containers_group_is_not_taken() -> None:
    assert (
        cgroups.resolve("0::/proctracker-0123abcd-10-1\n", cgroups.mounted(_MOUNTS_V2), "proctracker-0123abcd-1-1")
        == cgroups.Paths()
    )
    assert (
        cgroups.resolve("0::/proctracker-x-1-10\n", cgroups.mounted(_MOUNTS_V2), "proctracker-x-1-1") == cgroups.Paths()
    )


def test_a_group_outside_of_the_mount_is_not_taken() -> None:
    mounts = cgroups.mounted("30 20 0:26 /inner /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
    assert cgroups.resolve("0::/inner/a\n", mounts) == cgroups.Paths(unified="/sys/fs/cgroup/a")
    assert cgroups.resolve("0::/outer/a\n", mounts) == cgroups.Paths()
    assert cgroups.resolve("0::/../a\n", mounts) == cgroups.Paths()


def test_mount_points_with_blanks() -> None:
    mounts = cgroups.mounted("30 20 0:26 / /sys/fs\\040x rw - cgroup2 cgroup2 rw\n")
    assert cgroups.resolve("0::/a\n", mounts) == cgroups.Paths(unified="/sys/fs x/a")


def test_usage_of_version_two(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")
    (tmp_path / "memory.peak").write_text("4194304\n")
    (tmp_path / "memory.events").write_text("oom 1\noom_kill 1\n")
    assert cgroups.usage(cgroups.Paths(unified=str(tmp_path))) == cgroups.Usage(1.5, 4096, True)


def test_usage_of_version_one(tmp_path: Path) -> None:
    (tmp_path / "cpuacct.usage").write_text("2500000000\n")
    (tmp_path / "memory.max_usage_in_bytes").write_text("2048\n")
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    here = str(tmp_path)
    assert cgroups.usage(cgroups.Paths(cpuacct=here, memory=here, unified=here)) == cgroups.Usage(2.5, 2, False)


def test_usage_of_what_has_gone() -> None:
    assert cgroups.usage(cgroups.Paths()) == cgroups.Usage(None, None, False)
    assert cgroups.usage(cgroups.Paths(unified="/nowhere")) == cgroups.Usage(None, None, False)


def test_a_number_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "memory.peak").write_text("max\n")
    assert cgroups.usage(cgroups.Paths(unified=str(tmp_path))).peak is None


def test_pids_of_a_group_and_below(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("7\n3\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "cgroup.procs").write_text("5\n3\n")
    assert cgroups.pids(cgroups.Paths(unified=str(tmp_path))) == [3, 5, 7]
    assert cgroups.pids(cgroups.Paths()) == []


def test_we_are_in_no_container_of_that_name() -> None:
    assert not cgroups.has_name(os.getpid(), _ID)
    assert not cgroups.has_name(2**22 + 1, _ID)


def test_paths_of_ourselves_exist() -> None:
    assert all(path is None or os.path.isdir(path) for path in cgroups.paths(os.getpid()))


def test_the_first_process_of_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        cgroups, "_mounted", lambda: {"unified": ("/", str(tmp_path)), "memory": ("/inner", "/nowhere")}
    )
    places = ("docker/{id}", "system.slice/docker-{id}.scope")
    assert cgroups.first(places, _ID) is None
    script = "sleep 600 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True) as older:
        below = int(older.stdout.readline())  # type: ignore[union-attr]
        group = tmp_path / f"system.slice/docker-{_ID}.scope"
        group.mkdir(parents=True)
        (group / "cgroup.procs").write_text(f"{below}\n{older.pid}\n4194305\n")
        assert cgroups.first(places, _ID) == older.pid
        (group / "cgroup.procs").write_text(f"{below}\n")
        assert cgroups.first(places, _ID) == below
        os.killpg(older.pid, 9)
