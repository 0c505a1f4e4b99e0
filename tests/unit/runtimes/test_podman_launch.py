"""podman's own words are kept apart from a job's streams: the scripts run here, with a podman and a conmon of our own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from proctracker.runtimes import podman_launch
from proctracker.runtimes.base import DETACHED, Engine, Launch
from proctracker.runtimes.podman_launch import apart

PODMAN = """#!/bin/sh
echo "a word of podman's: $*" >&2
case $1 in
--conmon=*) "${1#*=}" --version; exec "${1#*=}" -n name ;;
*) exec conmon "$@" ;;
esac
"""
CONMON = """#!/bin/sh
case $1 in --version) echo conmon version 9 >&2 ;; *) echo "out: $(cat)"; echo err >&2 ;; esac
ls -l /proc/$$/fd 2>/dev/null | grep -c '[3-9] -> /[^p]' >> "${0%/*}/open" || true
"""


@pytest.fixture(autouse=True)
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A podman that starts conmon, and a conmon that is the container; no configuration."""
    for name, text in (("podman", PODMAN), ("conmon", CONMON)):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("CONTAINERS_CONF", "/nonexistent")
    monkeypatch.setattr(podman_launch, "_PLACES", ("/nonexistent", str(tmp_path / "bin" / "conmon")))


def _run(folder: Path, given: bool = False, joined: bool = False, mode: int = 0o700) -> dict[str, str]:
    """What is in a job's files, and in the one beside, after a start."""
    (folder / "in").write_text("given")
    paths = [str(folder / name) if use else None for name, use in (("in", given), ("out", True), ("err", not joined))]
    launch = Launch(
        DETACHED, ("podman", "run", "two words"), stdin=paths[0], stdout=paths[1], stderr=paths[2] or paths[1]
    )
    launch = apart(launch, Engine(("podman",)), str(folder))
    for path, text in launch.files.items():
        Path(path).write_bytes(text)
        Path(path).chmod(mode)
    with open(launch.stdin or os.devnull) as stdin, open(folder / "out", "w") as out, open(folder / "err", "w") as err:
        subprocess.run(launch.argv, stdin=stdin, stdout=out, stderr=out if joined else err, check=True)
    return {name: (folder / name).read_text() for name in ("out", "err", "said") if (folder / name).exists()}


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("joined", [False, True])
def test_a_job_has_its_streams_and_podman_a_file(tmp_path: Path, given: bool, joined: bool) -> None:
    out = f"out: {'given' if given else ''}\n"
    assert _run(tmp_path, given, joined) == {
        "out": out + ("err\n" if joined else ""),
        "err": "" if joined else "err\n",
        "said": f"a word of podman's: --conmon={tmp_path}/conmon run two words\nconmon version 9\n",
    }
    assert (tmp_path / "bin" / "open").read_text().split()[-1] == "0", "no descriptor but its three streams"


@pytest.mark.parametrize("how", ["CONTAINERS_CONF", "XDG_CONFIG_HOME", "HOME", "folder", "mode"])
def test_where_it_cannot_be_they_go_into_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """A configured conmon is the one to take; a file system may forbid to execute ours, which is left out then."""
    name = {"HOME": ".config/containers/containers.conf", "folder": "containers/containers.conf.d/a.conf"}
    conf = tmp_path / name.get(how, "containers/containers.conf")
    conf.parent.mkdir(parents=True)
    conf.write_text("[engine]\n#conmon_path = []\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    if how != "HOME":
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("CONTAINERS_CONF", str(conf) if how == "CONTAINERS_CONF" else "")
    assert "said" in _run(tmp_path)
    os.unlink(tmp_path / "said")
    if how != "mode":
        conf.write_text('[engine]\n  conmon_path = ["/x"]\n')
    shared = _run(tmp_path, mode=0o600 if how == "mode" else 0o700)
    assert shared == {"out": "out: \n", "err": "a word of podman's: run two words\nerr\n"}


@pytest.mark.parametrize("command", [("sudo", "podman"), ("podman", "--conmon=/x")])
def test_a_command_of_several_words_stays_as_it_is(command: tuple[str, ...]) -> None:
    launch = Launch(DETACHED, (*command, "run"), stdout="/o", stderr="/e")
    assert apart(launch, Engine(command), "/f") is launch
