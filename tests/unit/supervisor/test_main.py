"""The first lines of keeper and supervisor."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from proctracker.client import start
from proctracker.client.client import Client
from proctracker.client.polling import readable
from proctracker.client.supervisor import Supervisor
from proctracker.errors import DrmCommunicationException, InternalException
from proctracker.linux import procfs
from proctracker.model import JobState
from proctracker.store import Home, Store
from proctracker.supervisor import main as module
from proctracker.wire import confinement, election
from stores import submit
from supervising import LONG, context, gone, kill, seat, spec, stored


def _main(home: Home, script: str = "", key: str = "main") -> bytes:
    """What a keeper says on its descriptor; ``script`` runs before."""
    read_end, write_end = os.pipe()
    root = Path(module.__file__).parents[2]
    code = f"import sys; sys.path.append({str(root)!r})\n{script}\nfrom proctracker.supervisor.main import main\nmain(sys.argv[1:])"
    argv = [sys.executable, "-I", "-S", "-c", code, home.path, home.host, key, str(write_end)]
    process = subprocess.Popen(argv, pass_fds=[write_end], start_new_session=True)
    os.close(write_end)
    said = os.read(read_end, 999)
    os.close(read_end)
    if said != b"ready":
        assert process.wait(LONG) == (0 if said == b"busy" else 1)
    return said


def test_one_at_a_time(home: Home) -> None:
    home.prepare()
    claim = election.claim(home.run, "main")
    assert claim is not None
    assert _main(home) == b"busy"
    election.release(claim)
    assert _main(home) == b"ready"
    assert _main(home) == b"busy"
    assert _main(home, key="other") == b"ready"


def test_who_sits_there_is_put_down(home: Home) -> None:
    client = Client(home)
    keeper, supervisor = seat(client)
    assert sorted(election.holders(home.run, client.supervisor.key)) == sorted([keeper, supervisor])
    client.close()


_DIRTY = """
import os, signal, socket
signal.signal(signal.SIGHUP, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
os.set_inheritable(os.open("/etc/passwd", os.O_RDONLY), True)
"""


def test_signals_and_descriptors_are_clean(home: Home) -> None:
    home.prepare()
    assert _main(home, _DIRTY, confinement.key()) == b"ready"
    client = Client(home)
    job = client.submit("s", spec("cat", "/proc/self/status"), context(), contact="process")
    assert client.wait([job], timeout=LONG)
    text = Path(home.kept(job, 1, "out")).read_text()
    masks = dict(line.split(":\t") for line in text.splitlines() if line.startswith("Sig"))
    assert (int(masks["SigBlk"], 16), int(masks["SigIgn"], 16) & 0x7FFF_FFFF) == (0, 0)
    for pid in seat(client):
        links = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        assert "/etc/passwd" not in links
        assert (os.readlink(f"/proc/{pid}/fd/2"), os.readlink(f"/proc/{pid}/cwd")) == (
            f"{home.here}/supervisor.log",
            "/",
        )
    client.close()


def test_a_file_at_its_largest_ends_no_supervisor(home: Home) -> None:
    client = Client(home)
    for pid in seat(client):
        (ignored,) = [
            line.split()[1] for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "SigIgn" in line
        ]
        assert int(ignored, 16) >> (signal.SIGXFSZ - 1) & 1
    client.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="what is not dumpable belongs to root")
def test_an_environment_cannot_be_had_by_a_core_dump(home: Home) -> None:
    client = Client(home)
    for pid in seat(client):
        assert os.stat(f"/proc/{pid}/environ").st_uid == 0
        status = Path(f"/proc/{pid}/status").read_text()
        assert "CoreDumping:\t0" in status
    client.close()


@pytest.mark.parametrize("size", [10, module.LOG_LIMIT + 1])
def test_a_log_that_has_grown_starts_anew(home: Home, size: int) -> None:
    home.prepare()
    log = Path(home.here) / "supervisor.log"
    log.write_bytes(b"x" * size)
    assert _main(home) == b"ready"
    assert log.stat().st_size == (size if size < module.LOG_LIMIT else 0)


def test_a_stumbling_supervisor_is_followed_by_another(home: Home) -> None:
    script = """
from proctracker.supervisor import recovery
real = recovery.recover
def recover(service):
    if service.here.seat.turn == 0:
        raise RuntimeError("stumbled")
    real(service)
recovery.recover = recover
"""
    home.prepare()
    assert _main(home, script, confinement.key()) == b"ready"
    client = Client(home)
    assert client.call("status")["live"] == 0
    assert "RuntimeError: stumbled" in (Path(home.here) / "supervisor.log").read_text()
    client.close()


def test_a_log_that_takes_nothing_ends_no_supervisor(home: Home) -> None:
    script = """
from proctracker.supervisor import main
from proctracker.supervisor.serving.operations import JobRequests
main._log = lambda home: os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
def stumble(*given):
    raise RuntimeError("stumbled")
JobRequests.reap = stumble
"""
    home.prepare()
    assert _main(home, f"import os\n{script}", confinement.key()) == b"ready"
    client = Client(home)
    before = client.call("status")["pid"]
    with pytest.raises(InternalException, match="stumbled"):
        client.reap(["1"])
    assert client.call("status")["pid"] == before
    client.close()


def test_where_no_log_can_be_made_a_line_goes_elsewhere(home: Home) -> None:
    home.prepare()
    os.mkdir(f"{home.here}/supervisor.log")
    assert _main(home, "", confinement.key()) == b"ready"
    client = Client(home)
    for pid in seat(client):
        flags = Path(f"/proc/{pid}/fdinfo/2").read_text().split()
        assert int(flags[flags.index("flags:") + 1], 8) & os.O_ACCMODE == os.O_RDONLY
    client.close()


def test_whatever_else_keeps_one_from_starting_is_told(home: Home) -> None:
    home.prepare()
    script = "from proctracker import runtimes\ndef get(name):\n    raise ImportError('half of an upgrade')\nruntimes.get = get"
    assert _main(home, script) == b"ImportError: half of an upgrade"


def test_a_directory_that_others_may_write_to_is_named(home: Home) -> None:
    home.prepare()
    os.chmod(home.here, 0o777)
    assert b"can be written by others" in _main(home)


def test_a_store_that_cannot_be_opened_is_told_of_at_once_and_nobody_stays(home: Home) -> None:
    home.prepare()
    Path(home.database).write_bytes(b"no database" * 1000)
    client = Client(home)
    for _ in range(2):
        with pytest.raises(DrmCommunicationException, match=f"{home.database}: file is not a database: move it away"):
            client.call("status")
    key = client.supervisor.key
    assert all(gone(pid) for pid in election.holders(home.run, key))
    assert not os.path.exists(home.socket(key))
    os.unlink(home.database)
    assert client.call("status")["live"] == 0
    client.close()


def test_no_supervisor_follows_where_the_state_directory_was_removed(home: Home) -> None:
    client = Client(home)
    keeper, supervisor = seat(client)
    client.close()
    shutil.rmtree(home.path)
    kill(supervisor)
    assert gone(keeper)


def test_a_supervisor_that_lost_its_keeper_is_the_keeper(home: Home) -> None:
    client = Client(home)
    keeper, supervisor = seat(client)
    link = client._link
    assert link is not None
    kill(keeper)
    with pytest.raises(EOFError):
        link._receive()
    now = seat(client)
    assert now[0] == supervisor
    assert sorted(election.holders(home.run, client.supervisor.key)) == sorted(now)
    kill(now[1])
    assert seat(client)[0] == supervisor
    client.close()


def test_the_probe_of_a_release(home: Home) -> None:
    argv = [*start.command(home, "main"), "--probe"]
    done = subprocess.run(argv, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert os.listdir(home.path) == []


def test_all_code_is_loaded_at_the_start(home: Home, tmp_path: Path) -> None:
    root = Path(module.__file__).parents[2]
    shutil.copytree(root / "proctracker", tmp_path / "proctracker", ignore=shutil.ignore_patterns("__pycache__"))
    home.prepare()
    assert (
        _main(
            home, f"sys.path[:] = [p for p in sys.path if p != {str(root)!r}] + [{str(tmp_path)!r}]", confinement.key()
        )
        == b"ready"
    )
    shutil.rmtree(tmp_path / "proctracker")
    client = Client(home)
    kill(seat(client)[1])
    job = client.submit("s", spec("sh", "-c", "exit 3"), context(), contact="process")
    rows = client.wait([job], timeout=LONG)
    assert rows is not None
    assert rows[0].exit_status == 3
    pid = seat(client)[1]
    words = b"\0".join(procfs.cmdline(pid))
    assert str(tmp_path).encode() in words
    client.close()


def test_a_lock_that_was_removed_is_told_from_none(home: Home) -> None:
    home.prepare()
    assert not module._lock_removed(home, "main")
    store = Store(home)
    submit(store, keeper="main")
    store.close()
    assert module._lock_removed(home, "main")
    assert not module._lock_removed(home, "0123456789ab")
    with open(election.lock_path(home.run, "main"), "w"):
        pass
    assert not module._lock_removed(home, "main")


def _told(client: Client) -> None:
    """Keeper and supervisor get what systemd sends at a logout."""
    for pid in seat(client):
        for number in (signal.SIGTERM, signal.SIGHUP):
            os.kill(pid, number)


def test_term_and_hup_lose_no_code(home: Home, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    client = Client(home)
    client.call("session_create", name="s", contact="process", max_running=1)
    script = f"trap '' HUP; read x < {tmp_path}/gate; exit 7"
    running = client.submit("s", spec("sh", "-c", script), context(), contact="process")
    assert client.wait([running], "started", timeout=LONG)
    queued = client.submit("s", spec("sh", "-c", "exit 3"), context(), contact="process")
    before = seat(client)
    _told(client)
    assert client.call("status")["paused"]
    (tmp_path / "gate").write_text("go\n")
    rows = client.wait([running], timeout=LONG)
    assert rows
    assert (rows[0].exit_status, seat(client)) == (7, before)
    [row] = stored(home, queued)
    assert (row.state, row.dispatched) == (JobState.QUEUED, None)  # it would be killed as it starts
    client.close()
    assert [gone(pid) for pid in before] == [True, True]


def test_what_is_submitted_after_term_is_not_lost(home: Home, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    client = Client(home)
    running = client.submit("s", spec("sh", "-c", f"read x < {tmp_path}/gate; exit 7"), context(), contact="process")
    assert client.wait([running], "started", timeout=LONG)
    _told(client)
    later = client.submit("s", spec("sh", "-c", "exit 4"), context(), contact="process")
    rows = client.wait([later], timeout=LONG)
    assert rows
    assert rows[0].exit_status == 4
    (tmp_path / "gate").write_text("go\n")
    rows = client.wait([running], timeout=LONG)
    assert rows
    assert rows[0].exit_status == 7
    client.close()


def test_many_keepers_deaths_leave_nothing_open(home: Home) -> None:
    client = Client(home)
    job = client.submit("s", spec("sleep", "600"), context(), contact="process")
    assert client.wait([job], "started", timeout=LONG)
    counts = []
    for _ in range(4):
        done = client.submit("s", spec("true"), context(), contact="process")
        assert client.wait([done], timeout=LONG)
        pids = seat(client)
        counts.append([len(os.listdir(f"/proc/{pid}/fd")) for pid in pids])
        link = Supervisor(home).connect()
        assert link is not None
        kill(pids[0])
        assert readable([link.fileno()], LONG)
        link.close()
        assert seat(client)[0] == pids[1]
    assert counts[3] == counts[2]
    client.control([job], "terminate", grace=0)
    client.close()
