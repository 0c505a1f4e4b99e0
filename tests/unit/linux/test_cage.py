"""What was taken from a process for good."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from proctracker.linux import cage, procfs

TESTS = Path(__file__).parent.parent.parent
FIRST = {"NoNewPrivs": "0", "Seccomp": "0", "Seccomp_filters": "0", "CapBnd": "ff", "CapEff": "ff", "CapAmb": "00"}
ROOT = {**FIRST}
USER = {**FIRST, "CapEff": "00"}


@pytest.fixture
def process(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """What /proc says: of the first process, of us and of those above us; as an ordinary user."""
    found = {"1": FIRST, "thread-self": dict(USER)}
    monkeypatch.setattr(cage, "_status", lambda name: found.get(name, {}))
    monkeypatch.setattr(cage, "_label", lambda name: "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return found


def test_an_ordinary_user_is_in_none(process: dict[str, dict[str, str]]) -> None:
    assert cage.describe() == {}


def test_without_proc_nothing_is_known(process: dict[str, dict[str, str]]) -> None:
    process.clear()
    assert cage.describe() == {}


def test_root_has_what_is_not_taken_from_it(
    process: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    process["thread-self"] = ROOT
    assert cage.describe() == {}
    process["thread-self"] = {**ROOT, "CapEff": "0f"}
    assert cage.describe() == {"CapEff": "0f"}


@pytest.mark.parametrize(("name", "value"), [("NoNewPrivs", "1"), ("CapBnd", "0f"), ("CapEff", "01"), ("CapAmb", "01")])
def test_whatever_was_taken_or_handed_on(process: dict[str, dict[str, str]], name: str, value: str) -> None:
    process["thread-self"][name] = value
    if name == "CapAmb":
        process["thread-self"]["CapEff"] = value
    assert cage.describe() == {name: value}


def test_what_holds_for_the_whole_machine_is_none(process: dict[str, dict[str, str]]) -> None:
    taken = {"NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": "1", "CapBnd": "0f"}
    process["1"], process["thread-self"] = {**FIRST, **taken}, {**USER, **taken}
    assert cage.describe() == {}


def test_where_the_first_process_is_hidden(process: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    del process["1"]
    monkeypatch.setattr(cage, "text_of", lambda path: "7\n" if path.endswith("cap_last_cap") else "")
    process["thread-self"]["CapBnd"] = f"{0xFF:016x}"
    assert cage.describe() == {}
    process["thread-self"]["NoNewPrivs"] = "1"
    assert cage.describe() == {"NoNewPrivs": "1"}


@pytest.mark.parametrize(
    ("mine", "first", "caged"),
    [
        ("unconfined", "unconfined", False),
        ("docker-default (enforce)", "docker-default (enforce)", False),
        ("unconfined_u:unconfined_r:unconfined_t:s0-s0:c0.c1023", "system_u:system_r:init_t:s0", False),
        ("user_u:user_r:user_t:s0", "system_u:system_r:init_t:s0", True),
        ("snap.code.code (complain)", "unconfined", True),
        ("_", "_", False),
    ],
)
def test_labels(
    process: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch, mine: str, first: str, caged: bool
) -> None:
    monkeypatch.setattr(cage, "_label", {"self": mine, "1": first}.__getitem__)
    assert cage.describe() == ({"label": mine} if caged else {})


def test_where_a_filter_begins() -> None:
    # Each of the two commands is under one filter, put there by itself: nobody can tell whether they are the same.
    show = "from proctracker.linux import cage; import os; print(os.getpid(), cage.describe()['root'])"
    denied = [sys.executable, str(TESTS / "nopidfd.py")]
    roots = set()
    for _ in range(2):
        done = subprocess.run([*denied, sys.executable, "-c", show], capture_output=True, text=True, check=True)
        pid, root = done.stdout.split()
        assert root.startswith(f"{pid}:")
        roots.add(root)
    assert len(roots) == 2
    below = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {show!r}]); {show}"
    done = subprocess.run([*denied, sys.executable, "-c", below], capture_output=True, text=True, check=True)
    (child, one), (parent, two) = (line.split() for line in done.stdout.splitlines())
    assert one == two
    assert two.startswith(f"{parent}:")
    assert child != parent


def test_cages_are_compared_without_their_beginning() -> None:
    one = {"Seccomp": "2", cage.ROOT: "7:9"}
    assert cage.same(one, {"Seccomp": "2"})
    assert not cage.same(one, {"Seccomp": "2", "NoNewPrivs": "1"})
    assert cage.same({}, {})


def test_the_mark_holds_all_that_is_looked_at() -> None:
    text = cage.mark().decode("ascii")
    stat = procfs.stat(os.getpid())
    assert stat is not None
    for name in ("CapEff", "CapBnd", "CapAmb", "NoNewPrivs"):
        assert f"\n{name}:" in text
    assert cage.mark() == cage.mark()
