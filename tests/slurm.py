"""A private Slurm cluster of two nodes on this machine, for tests: nothing outside its folder, ended by process id.

``python tests/slurm.py FOLDER`` starts one and prints what leads to it; the same again finds it running. ``--stop`` ends it.
Jobs are run by whoever submits them; the daemons need root. slurm.conf has the settings without which no cluster comes up
on one host, and those that make ends and deaths quick to try.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scontrol", "scancel", "sinfo", "setpriv")
ACCOUNTING = ("slurmdbd", "mariadbd", "sacctmgr", "mariadb-install-db")
NODES = ("n1", "n2")
READY = 30.0
"""Seconds within which a daemon must answer."""

CONF = """\
ClusterName=pt
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/run/slurmctld-own.pid
SlurmdPidFile={folder}/run/slurmd-%n-own.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
MinJobAge={min_job_age}
KillWait=5
SlurmdTimeout=10
SlurmctldTimeout=5
MessageTimeout=5
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=2
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
MaxArraySize=1001
MaxJobCount=10000
PropagateResourceLimits=NONE
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=64 RealMemory=8000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=64 RealMemory=8000
PartitionName=main Nodes=n1,n2 Default=YES State=UP MaxTime=1-00:00:00 DefaultTime=01:00:00
PartitionName=short Nodes=n1 State=UP MaxTime=2
"""

DBD = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdPort={ports[3]}
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
LogFile={folder}/log/slurmdbd.log
PidFile={folder}/run/slurmdbd-own.pid
"""


def missing(accounting: bool = False) -> str | None:
    """Why there can be no cluster here; None if there can."""
    absent = [program for program in (*PROGRAMS, *(ACCOUNTING if accounting else ())) if not find(program)]
    if absent:
        return f"{', '.join(absent)} not on PATH"
    return "slurmd needs root" if os.geteuid() else None


def find(program: str) -> str | None:
    """A program, daemons among them, which an ordinary user's PATH may lack."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


class Cluster:
    """The daemons of one cluster. ``start`` starts what does not run; all that tests do to them is done by process id."""

    def __init__(
        self,
        folder: str,
        accounting: bool = False,
        min_job_age: int = 10,
        more: str = "",
        within: Sequence[str] = (),
    ) -> None:
        """Keep what it is to be.

        ``within`` are words that enter the mount namespace of its daemons, which run jobs only of users known there.
        """
        self.folder, self.accounting, self._within = folder, accounting, within
        self.conf = self.path("etc", "slurm.conf")
        self._settings, self._more = {"min_job_age": min_job_age}, more

    @property
    def environ(self) -> dict[str, str]:
        """What leads the commands to it."""
        return {"SLURM_CONF": self.conf}

    def path(self, *names: str) -> str:
        """A path in its folder."""
        return os.path.join(self.folder, *names)

    def start(self) -> Cluster:
        """Start what does not run, and wait until both nodes are ready."""
        for name in ("etc", "run", "log", "state", "spool/n1", "spool/n2", "munge"):
            os.makedirs(self.path(name), 0o755, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.munge()
        if not os.path.exists(self.conf):
            self._configure()
        if self.accounting:
            self._database()
        self.controller()
        for node in NODES:
            self.node(node)
        self.until(lambda: self.ready() or self._resumed(), "both nodes are ready")
        return self

    def _resumed(self) -> bool:
        """Have nodes take jobs again: a controller that was rolled back drains those that run what it does not know."""
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            if "drain" in self.call("sinfo", "--noheader", "-N", "-o", "%t", timeout=5.0):
                self.call("scontrol", "update", f"nodename={','.join(NODES)}", "state=resume", timeout=5.0)
        return False

    def change(self, **settings: str) -> None:
        """Set what commands and the controller, which is started anew, read in slurm.conf, until ``restore``."""
        with open(self.conf, encoding="utf-8") as file:
            text = file.read()
        if not os.path.exists(f"{self.conf}.first"):
            self._write("etc/slurm.conf.first", text)
        kept = [line for line in text.splitlines() if line.partition("=")[0] not in settings]
        self._write("etc/slurm.conf", "\n".join([*kept, *(f"{name}={value}" for name, value in settings.items()), ""]))
        self.end("slurmctld")
        self.start()

    def restore(self) -> None:
        """Have slurm.conf as it was before any change."""
        if os.path.exists(f"{self.conf}.first"):
            os.replace(f"{self.conf}.first", self.conf)
            self.end("slurmctld")

    def stop(self) -> None:
        """End the jobs, then the daemons: a slurmd that is ended first leaves its jobs behind."""
        with contextlib.suppress(subprocess.SubprocessError, OSError, AssertionError):
            self.clear()
        for name in (*(f"slurmd-{node}" for node in NODES), "slurmctld", "slurmdbd", "mariadb", "munged"):
            self.end(name)

    def clear(self) -> None:
        """End all jobs, and wait until the controller has nothing left that runs or waits."""
        for state in ("PENDING", "RUNNING", "SUSPENDED"):
            self.call("scancel", "--quiet", f"--state={state}")
        self.until(lambda: not self.call("squeue", "--noheader").strip(), "no job is left")

    def munge(self) -> None:
        """munged, with a key and a socket of its own."""
        owner = shutil.chown
        owner(self.path("munge"), "munge", "munge")
        key = self.path("munge", "key")
        if not os.path.exists(key):
            with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
                file.write(os.urandom(128))
            owner(key, "munge", "munge")
        self._spawn(
            "munged", *("setpriv", "--reuid=munge", "--regid=munge", "--clear-groups"), str(find("munged")), "--foreground",
            *(f"--{name}={self.path('munge', file)}" for name, file in
              (("socket", "socket"), ("key-file", "key"), ("pid-file", "pid"), ("seed-file", "seed"), ("log-file", "log"))),
        )  # fmt: skip
        self.until(lambda: self._answers("munge", "-n", "-S", self.path("munge", "socket")), "munged answers")

    def controller(self) -> None:
        """slurmctld."""
        self._spawn("slurmctld", *self._within, str(find("slurmctld")), "-D")

    def node(self, name: str) -> None:
        """A node's slurmd."""
        self._spawn(f"slurmd-{name}", *self._within, str(find("slurmd")), "-D", "-N", name)

    def cut_off(self, number: str) -> str:
        """Kill what Slurm has on the node of a job that runs, not the job; the node."""
        node = self.call("squeue", "--noheader", f"--jobs={number}", "--format=%N").strip()
        self.end(f"slurmd-{node}", signal.SIGKILL)
        for pid in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    named = file.read().startswith(f"slurmstepd: [{number}.".encode())
                # Each cluster of this machine may have a job of that number.
                if named and self.path("log", f"slurmd-{node}.log") in _files(pid):
                    os.kill(int(pid), signal.SIGKILL)
        return node

    def ready(self) -> bool:
        """Whether both nodes take jobs."""
        try:
            said = self.call("sinfo", "--noheader", "-N", "-o", "%N %t")
        except (subprocess.SubprocessError, OSError):
            return False
        return len(set(re.findall(r"(?m)^(n\d) (?:idle|mix|alloc|comp)$", said))) == len(NODES)

    def call(self, *argv: str, user: int | None = None, timeout: float = 60.0) -> str:
        """What a command prints, by root or another user. Raises CalledProcessError where it fails."""
        become = [] if user is None else ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        environ = {"PATH": f"{os.environ['PATH']}:/usr/sbin", "LC_ALL": "C", "TZ": "UTC0", **self.environ}
        return subprocess.run(
            [*become, *argv], env=environ, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True,
            timeout=timeout,
        ).stdout  # fmt: skip

    def pid(self, daemon: str) -> int | None:
        """The process of ``slurmctld``, ``slurmd-n1``, ``munged``, ``slurmdbd``, ``mariadb``, where it runs."""
        with contextlib.suppress(OSError, ValueError):
            with open(self.path("run", f"{daemon}.pid"), encoding="ascii") as file:
                pid, ticks = file.read().split()
            return int(pid) if _ticks(int(pid)) == ticks else None
        return None

    def end(self, daemon: str, how: int = signal.SIGTERM) -> None:
        """End a daemon and wait until it has gone; by KILL after ten seconds."""
        pid = self.pid(daemon)
        if pid is not None:
            for number, seconds in ((how, 10.0), (signal.SIGKILL, 10.0)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
                end = time.monotonic() + seconds
                while self.pid(daemon) and time.monotonic() < end:
                    with contextlib.suppress(ChildProcessError):
                        os.waitpid(pid, os.WNOHANG)
                    time.sleep(0.01)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path("run", f"{daemon}.pid"))

    def until(self, so: Callable[[], object], what: str) -> None:
        """Wait for what no event tells of. Raises AssertionError with the ends of the logs."""
        end = time.monotonic() + READY
        while not so():
            if time.monotonic() > end:
                raise AssertionError(f"not within {READY} s: {what}\n{self._logs()}")
            time.sleep(0.05)

    def _configure(self) -> None:
        settings = {
            "host": socket.gethostname().partition(".")[0],
            "folder": self.folder,
            "ports": _ports(4),
            **self._settings,
        }
        version = tuple(map(int, re.findall(r"\d+", self.call(str(find("slurmctld")), "-V"))[:2]))
        lines = [CONF.format(**settings)]
        if version < (23, 11):
            lines.append("SwitchType=switch/none\n")
        if self.accounting:
            # Without the socket as password the commands ask the machine's own munge.
            lines.append("AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=localhost\n")
            lines.append(
                f"AccountingStoragePort={settings['ports'][3]}\nAccountingStoragePass={self.path('munge', 'socket')}\n"
            )
            self._write("etc/slurmdbd.conf", DBD.format(**settings), 0o600)
        plugin = "cgroup/v1" if version < (23, 11) else "disabled"
        self._write("etc/cgroup.conf", f"CgroupPlugin={plugin}\n")
        self._write("etc/slurm.conf", "".join([*lines, self._more]))

    def _database(self) -> None:
        """mariadb and slurmdbd, which finds it by MYSQL_UNIX_PORT only; mariadb refuses root."""
        folder, sock = self.path("db"), self.path("db", "sock")
        if not os.path.exists(self.path("db", "mysql")):
            os.makedirs(folder, exist_ok=True)
            shutil.chown(folder, "munge")
            self.call(
                "mariadb-install-db",
                "--no-defaults",
                "--user=munge",
                f"--datadir={folder}",
                "--auth-root-authentication-method=normal",
            )
        self._spawn(
            "mariadb", str(find("mariadbd")), "--no-defaults", "--user=munge", f"--datadir={folder}", f"--socket={sock}",
            f"--pid-file={folder}/pid", "--skip-networking", "--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900",
            "--innodb-flush-log-at-trx-commit=0",
        )  # fmt: skip
        ask = (
            "mariadb",
            "--no-defaults",
            "-u",
            "root",
            "-S",
            sock,
            "-e",
            "create database if not exists slurm_acct_db",
        )
        self.until(lambda: self._answers(*ask), "mariadb answers")
        self._spawn("slurmdbd", str(find("slurmdbd")), "-D", MYSQL_UNIX_PORT=sock)
        self.until(lambda: self._answers("sacctmgr", "-n", "-i", "list", "cluster"), "slurmdbd answers")
        if "pt" not in self.call("sacctmgr", "-n", "-P", "list", "cluster", "format=cluster").split():
            self.call("sacctmgr", "-i", "add", "cluster", "pt")

    def _spawn(self, name: str, *argv: str, **environ: str) -> None:
        """Start a daemon in a session of its own, unless it runs."""
        if self.pid(name) is not None:
            return
        with open(self.path("log", f"{name}.out"), "ab") as log:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                env={"PATH": f"{os.environ['PATH']}:/usr/sbin", **self.environ, **environ},
            )  # fmt: skip
        self._write(f"run/{name}.pid", f"{process.pid} {_ticks(process.pid)}")

    def _answers(self, *argv: str) -> bool:
        try:
            self.call(*argv, timeout=5.0)
        except (subprocess.SubprocessError, OSError):
            return False
        return True

    def _write(self, name: str, text: str, mode: int = 0o644) -> None:
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w", encoding="utf-8") as file:
            file.write(text)

    def _logs(self) -> str:
        found = []
        for name in sorted(os.listdir(self.path("log"))):
            with open(self.path("log", name), encoding="utf-8", errors="replace") as file:
                found.append(f"{name}: {file.read()[-600:]}")
        return "\n".join(found)


def _files(pid: str) -> set[str]:
    """What a process has open."""
    return {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}


def _ticks(pid: int) -> str | None:
    """When a process that lives began: with its id that is one process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _ports(count: int) -> Sequence[int]:
    """Ports that are free now, below those that the kernel gives to whoever connects: a daemon started anew finds its own."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        ephemeral = int(file.read().split()[0])
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(ephemeral // 2, ephemeral)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
    return found


def main(words: Sequence[str]) -> None:
    """Start or end one by hand."""
    accounting = "--accounting" in words
    (folder,) = [word for word in words if not word.startswith("--")]
    why = missing(accounting)
    if why:
        raise SystemExit(f"no cluster here: {why}: scripts/install-runtimes slurm")
    os.makedirs(folder, exist_ok=True)
    cluster = Cluster(os.path.realpath(folder), accounting)
    if "--stop" in words:
        cluster.stop()
    else:
        cluster.start()
        print(f"export SLURM_CONF={cluster.conf}")


if __name__ == "__main__":
    main(sys.argv[1:])
