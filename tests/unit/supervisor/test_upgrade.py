"""Going on as another release: children, descriptors and waiting clients are kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from proctracker.client import start
from proctracker.client.client import Client
from proctracker.client.polling import readable
from proctracker.client.supervisor import Supervisor
from proctracker.errors import DrmCommunicationException
from proctracker.linux import pidfd, procfs
from proctracker.store import Home
from proctracker.supervisor import upgrade as module
from supervising import LONG, context, kill, seat, spec, stored


@pytest.fixture
def job(home: Home, tmp_path: Path) -> Iterator[tuple[Client, str, Path]]:
    """A client, a job that runs, the gate it waits at."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    client = Client(home)
    made = client.submit("s", spec("sh", "-c", f"read x < {gate}; exit 7"), context(), contact="process")
    assert client.wait([made], "started", timeout=LONG)
    yield client, made, gate
    client.close()


def _release(home: Home, folder: Path, client: Client) -> list[str]:
    """The command of a copy of the package."""
    root = Path(module.__file__).parents[2]
    shutil.copytree(root / "proctracker", folder / "proctracker", ignore=shutil.ignore_patterns("__pycache__"))
    argv = start.command(home, client.supervisor.key)
    return [str(folder) if word == str(root) else word for word in argv]


def _image(pid: int) -> bytes:
    return b"\0".join(procfs.cmdline(pid))


def test_children_and_waiters_stay(home: Home, tmp_path: Path, job: tuple[Client, str, Path]) -> None:
    client, name, gate = job
    keeper, supervisor = seat(client)
    wait, held = client.waiting([name]), client.submit("s", spec("true", hold=True), context(), contact="process")
    assert wait.receive() is None
    assert client.call("upgrade", command=_release(home, tmp_path / "new", client)) is True
    assert readable([wait.fileno()], LONG)
    assert wait.receive() is None  # it has asked the new one
    assert seat(client) == (keeper, supervisor)
    assert str(tmp_path / "new").encode() in _image(supervisor)
    assert [row.finished for row in stored(home, name, held)] == [None, None]
    gate.write_text("go\n")
    while (rows := wait.receive()) is None:
        assert readable([wait.fileno()], LONG)
    assert (rows[0].exit_status, bool(rows[0].max_rss)) == (7, True)
    wait.close()
    client.control([held], "release")
    assert client.wait([held], timeout=LONG)


def test_the_keeper_starts_the_new_one_from_then_on(home: Home, tmp_path: Path, job: tuple[Client, str, Path]) -> None:
    client, name, gate = job
    keeper, supervisor = seat(client)
    client.call("upgrade", command=_release(home, tmp_path / "new", client))
    wait = client.waiting([name])
    assert wait.receive() is None
    kill(supervisor)
    now = seat(client)
    assert now[0] == keeper
    assert str(tmp_path / "new").encode() in _image(now[1])
    gate.write_text("go\n")
    rows = client.wait([name], timeout=LONG)
    assert rows is not None
    assert rows[0].exit_status == 7
    wait.close()


@pytest.mark.skipif(not pidfd.tells(), reason="Linux before 6.15 tells its parent alone")
def test_a_supervisor_that_does_not_know_what_is_asked_goes_on_as_one_that_does(home: Home, tmp_path: Path) -> None:
    root, old = Path(module.__file__).parents[2], tmp_path / "old" / "proctracker"
    shutil.copytree(root / "proctracker", old, ignore=shutil.ignore_patterns("__pycache__"))
    protocol = old / "wire" / "protocol.py"
    protocol.write_text(protocol.read_text().replace("\nLEVEL = 2\n", "\nLEVEL = 1\n"))
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from proctracker.store import Home\nfrom proctracker.client.client import Client\n"
        "print(Client(Home(sys.argv[2])).call('status')['pid'])"
    )
    argv = [sys.executable, "-I", "-c", script, str(old.parent), home.path]
    before = int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    assert str(old.parent).encode() in _image(before)
    client, out = Client(home), tmp_path / "out"
    told = spec("tee", "{2}{1}", output=str(out), over=True, fields=True)
    made = client.submit("s", told, context(), contact="process", indices=[1], items=[["a", f"{tmp_path}/"]])
    assert seat(client)[1] == before
    assert str(old.parent).encode() not in _image(before)
    assert client.wait([f"{made}_1"], timeout=LONG)
    assert (tmp_path / "a").exists()
    client.close()


def test_after_an_upgrade_one_death_after_another_loses_no_code(
    home: Home, tmp_path: Path, job: tuple[Client, str, Path]
) -> None:
    client, name, gate = job
    client.call("upgrade", command=_release(home, tmp_path / "new", client))
    for _ in range(3):
        before = seat(client)
        link = Supervisor(home).connect()
        assert link is not None
        kill(before[0])
        assert readable([link.fileno()], LONG)
        link.close()
        now = seat(client)
        assert now[0] == before[1]
        assert str(tmp_path / "new").encode() in _image(now[1])
    gate.write_text("go\n")
    rows = client.wait([name], timeout=LONG)
    assert rows is not None
    assert rows[0].exit_status == 7


@pytest.mark.parametrize("argv", [["/nonexistent/python"], [sys.executable, "-c", "raise SystemExit(3)"]])
def test_a_release_that_does_not_start_changes_nothing(
    home: Home, job: tuple[Client, str, Path], argv: list[str]
) -> None:
    client, name, gate = job
    before = seat(client)
    image = _image(before[1])
    with pytest.raises(DrmCommunicationException, match=r"does not start, the old one goes on"):
        client.call("upgrade", command=argv)
    assert (seat(client), _image(before[1])) == (before, image)
    kill(before[1])
    assert seat(client)[0] == before[0]
    gate.write_text("go\n")
    rows = client.wait([name], timeout=LONG)
    assert rows is not None
    assert rows[0].exit_status == 7


def test_a_release_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_WAIT", 0.01)
    with pytest.raises(DrmCommunicationException, match=r"timed out"):
        module.upgrade(SimpleNamespace(), lambda: None, [b"sh", b"-c", b"exec sleep 600"])  # type: ignore[arg-type]


def test_a_client_of_a_newer_release_takes_over(home: Home, tmp_path: Path, job: tuple[Client, str, Path]) -> None:
    client, name, gate = job
    before = seat(client)
    _release(home, tmp_path / "new", client)
    version = tmp_path / "new" / "proctracker" / "version.py"
    from proctracker import __version__

    sources = [
        path for path in (tmp_path / "new" / "proctracker").rglob("*.py") if f'"{__version__}"' in path.read_text()
    ]
    for path in sources or [version]:
        path.write_text(path.read_text().replace(f'"{__version__}"', '"999.0"'))
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from proctracker.store import Home\nfrom proctracker.client.client import Client\n"
        "found = Client(Home(sys.argv[2])).call('status'); print(found['package'], found['pid'])"
    )
    argv = [sys.executable, "-I", "-c", script, str(tmp_path / "new"), home.path]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["999.0", str(before[1])]
    assert client.call("status")["package"] == "999.0"
    gate.write_text("go\n")
    rows = client.wait([name], timeout=LONG)
    assert rows is not None
    assert rows[0].exit_status == 7
