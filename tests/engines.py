"""Private engines for tests: their own state in a temporary folder, ended by process id, nothing of the machine's touched.

``python tests/engines.py`` lists the runtimes that are not there, what would install each, and what stood in for one.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping

import image
import slurm
from replay import bundle, recordings

TRIES = 5
"""Times that containers are removed until there are none."""

UNIFIED = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
"""Whether cgroup v2 alone is here, on which podman's own settings work."""

ULIMITS = 'default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]\n'
BARE = 'runtime = "runc"\ncgroup_manager = "cgroupfs"\n'
"""Settings for a machine without systemd, with cgroup v1, and with limits that nobody may raise."""

READY = 30.0
"""Seconds within which a daemon must answer."""


NOT_REPLAYED = {
    "test_podman_seed_exposed_ports": "there is no network but the host's",
}
"""What the stand-in for nerdctl cannot show."""

NOT_ON_A_CLUSTER = {
    "test_containerd_seed": "it keeps no containers",
    "test_podman_seed": "it keeps no containers",
    "test_another_boot": "its jobs are no processes of this host, whose boots end none",
}
"""What is not asked of a scheduler."""


class Engine:
    """One runtime as tests use it.

    ``contact`` and ``environ`` lead proctracker to it; ``command`` is the bare CLI, to be run with ``environ``.
    ``daemon`` tells whether there is one that ``kill`` and ``restart`` act on. Where an ``optional`` one is missing, no
    test names it.
    """

    name = "process"
    programs: tuple[str, ...] = ()
    daemon = False
    optional = False
    modules: tuple[str, ...] = ()
    """The contract tests that run on it; all, if none are named."""
    left_out: Mapping[str, str] = {}
    """A module or a promise that means nothing on it, or that it cannot show -> why; it is left out by name."""

    def __init__(self) -> None:
        self.contact = self.name
        self.image = image.NAME
        self.command: tuple[str, ...] = ()
        self.environ: dict[str, str] = {}
        self.folder = ""

    @property
    def images(self) -> bool:
        """Whether its jobs are started from one."""
        return bool(self.programs)

    def missing(self) -> str | None:
        """Why it cannot work here; None if it can."""
        absent = [program for program in self.programs if not shutil.which(program)]
        if absent:
            return f"{', '.join(absent)} not on PATH"
        if self.programs and not image.busybox():
            return "no busybox to make an image of"
        return None

    def kind(self) -> str:
        """What it is, where that is not to be seen."""
        return "here"

    def up(self) -> Engine:
        """Start it and load the image."""
        if self.programs:
            self.folder = short_folder()
            os.chmod(self.folder, 0o711)
            self.configure()
            self.start()
            self.load(image.write(self.path("image.tar")))
        return self

    def down(self) -> None:
        """End it with all it runs, and remove its state."""
        if self.folder:
            with contextlib.suppress(subprocess.SubprocessError, OSError):
                self.clear()
            self.stop()
            remove(self.folder)

    def configure(self) -> None:
        """Write its configuration, set ``environ``, ``command`` and ``contact``."""

    def start(self) -> None:
        """Start the daemon and wait until it answers."""

    def stop(self) -> None:
        """End the daemon and what would outlive it."""

    def kill(self) -> None:
        """``kill -9`` the daemon."""

    def restart(self) -> None:
        """End the daemon in order and start it again."""

    def load(self, archive: str) -> None:
        """Make an archive's image known."""
        self.cli("load", "-q", "-i", archive)

    def clear(self) -> None:
        """Remove all containers. Some may be going by themselves just then, which a CLI takes for an error: once more."""
        for _ in range(TRIES):
            found = self.containers()
            if not found:
                return
            with contextlib.suppress(Refused):
                self.remove(found)
        raise AssertionError(f"{self.name}: {found} cannot be removed")

    def containers(self) -> list[str]:
        """All there are."""
        return self.cli("ps", "-aq").split()

    def remove(self, found: list[str]) -> None:
        """Remove these, running or not."""
        self.cli("rm", "-f", *found)

    def cli(self, *words: str) -> str:
        """What the bare CLI prints. Raises CalledProcessError (with stderr) where it fails."""
        done = subprocess.run(
            [*self.command, *words],
            env={**os.environ, **self.environ},
            cwd="/",  # a test's own directory may have gone already
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise Refused(done.returncode, done.args, done.stdout, done.stderr)
        return done.stdout

    def path(self, *names: str) -> str:
        """A path in its folder."""
        return os.path.join(self.folder, *names)

    def write(self, name: str, text: str) -> str:
        """Write a file into its folder; returns the path."""
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)


class Refused(subprocess.CalledProcessError):
    """A CLI's refusal, with what it said."""

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.stderr}"


class Podman(Engine):
    """podman by root, over a storage of its own; no daemon."""

    name = "podman"
    programs = ("podman", "conmon")
    settings = 'graphroot = "{0}/root"\nrunroot = "{0}/runroot"\n'

    def missing(self) -> str | None:
        """Why it cannot work here; None if it can."""
        return self.lacking() or ("podman by root needs root" if os.geteuid() else None)

    def lacking(self) -> str | None:
        """What is not here of its programs; podman's own choice of what runs a container is taken on cgroup v2 alone."""
        which = "crun" if UNIFIED and shutil.which("crun") else "runc"
        return super().missing() or (None if shutil.which(which) else f"{which} not on PATH")

    def configure(self) -> None:
        """containers.conf and storage.conf, named by the environment."""
        conf = self.write(
            "containers.conf",
            f'[containers]\nnetns = "host"\n{"" if UNIFIED else ULIMITS}[engine]\n{"" if UNIFIED else BARE}'
            f'events_logger = "file"\ntmp_dir = "{self.folder}/tmp"\n',
        )
        storage = self.write("storage.conf", '[storage]\ndriver = "overlay"\n' + self.settings.format(self.folder))
        self.command = ("podman",)
        self.environ = {"CONTAINERS_CONF": conf, "CONTAINERS_STORAGE_CONF": storage}

    def remove(self, found: list[str]) -> None:
        """Remove them at once, with no grace."""
        self.cli("rm", "-f", "-t", "0", *found)

    @contextlib.contextmanager
    def service(self, name: str) -> Iterator[str]:
        """Its service, at an address that takes connections before it runs (sd_listen_fds(3)): nobody waits for it."""
        path = self.path(name)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec podman system service --time=0"
            process = subprocess.Popen(["sh", "-c", script], env={**os.environ, **self.environ}, stdin=listener)
        try:
            yield f"unix://{path}"
        finally:
            end(process.pid, process)
            os.unlink(path)


class RootlessPodman(Podman):
    """podman by an ordinary user. Root's test run gives these tests to such a user (rootless.py)."""

    name = "podman-rootless"

    def __init__(self) -> None:
        super().__init__()
        self.contact = "podman"

    def missing(self) -> str | None:
        """Why it cannot work here; None if it can."""
        programs = ("newuidmap", "slirp4netns", "fuse-overlayfs")
        if os.geteuid() == 0:
            programs += ("unshare", "setpriv")
        absent = [program for program in programs if not shutil.which(program)]
        return self.lacking() or (f"{', '.join(absent)} not on PATH" if absent else None)

    def configure(self) -> None:
        """As for root, and places of its own for what podman keeps by user; but systemd's, by which it makes cgroups."""
        super().configure()
        places = [("home", "HOME"), ("data", "XDG_DATA_HOME")]
        if not os.path.exists(f"{os.environ.get('XDG_RUNTIME_DIR')}/systemd/private"):
            places.append(("run", "XDG_RUNTIME_DIR"))
        for name, variable in places:
            os.mkdir(self.path(name), 0o700)
            self.environ[variable] = self.path(name)

    def stop(self) -> None:
        """End the pause process, and remove what belongs to the user's subordinate ids."""
        with contextlib.suppress(subprocess.SubprocessError):
            self.cli("unshare", "rm", "-rf", self.path("root"), self.path("data"))
        for found in glob.glob(self.path("**", "pause.pid"), recursive=True):
            with open(found, encoding="ascii") as file:
                end(int(file.read()))


class Containerd(Engine):
    """A containerd with its own address, by ctr."""

    name = "ctr"
    programs = ("containerd", "ctr", "runc")
    daemon = True
    namespace = "test"

    def missing(self) -> str | None:
        """Why it cannot work here; None if it can."""
        return super().missing() or ("containerd needs root" if os.geteuid() else None)

    def configure(self) -> None:
        """Its configuration: no CRI, which would want a network set up."""
        self.address = self.path("containerd.sock")
        newer = containerd_version() >= (2,)
        cri = ["io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"] if newer else []
        disabled = ", ".join(f'"{name}"' for name in [*cri, "io.containerd.grpc.v1.cri"])
        self.write(
            "config.toml",
            f'version = {3 if newer else 2}\nroot = "{self.folder}/root"\nstate = "{self.folder}/state"\n'
            f'disabled_plugins = [{disabled}]\n[grpc]\naddress = "{self.address}"\n',
        )
        self.command = ("ctr", "-a", self.address, "-n", self.namespace)
        self.contact = f"ctr:{self.address}?namespace={self.namespace}"

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        self.process = daemon(self.path("containerd.log"), "containerd", "-c", self.path("config.toml"))
        ready(self.process, self.address, lambda: self.cli("version"))

    def stop(self) -> None:
        """End the daemon and shims left over."""
        end(self.process.pid, self.process)
        for pid in with_words(self.address):
            end(pid, how=signal.SIGKILL)

    def kill(self) -> None:
        """``kill -9`` the daemon."""
        end(self.process.pid, self.process, signal.SIGKILL)

    def restart(self) -> None:
        """End the daemon in order and start it again."""
        end(self.process.pid, self.process)
        self.start()

    def load(self, archive: str) -> None:
        """Make an archive's image known."""
        self.cli("image", "import", archive)

    def containers(self) -> list[str]:
        """All there are."""
        return self.cli("container", "ls", "-q").split()

    def remove(self, found: list[str]) -> None:
        """Remove them with their tasks."""
        tasks = self.cli("task", "ls", "-q").split()
        if tasks:
            with contextlib.suppress(subprocess.SubprocessError):
                self.cli("task", "rm", "-f", *tasks)
        self.cli("container", "rm", *found)


class Nerdctl(Containerd):
    """nerdctl over a containerd of its own, where a nerdctl is on PATH: no Debian package provides one."""

    name = "nerdctl"
    programs = ("nerdctl", "containerd", "ctr", "runc")

    def kind(self) -> str:
        """What it is: which one, as it says itself."""
        told = subprocess.run(["nerdctl", "--version"], capture_output=True, text=True, check=True).stdout.split()
        return f"real {told[-1]}"

    def configure(self) -> None:
        """As for ctr; the environment leads the CLI to it."""
        super().configure()
        self.ctr, self.command, self.contact = self.command, ("nerdctl",), self.name
        self.environ = {
            "CONTAINERD_ADDRESS": self.address,
            "CONTAINERD_NAMESPACE": self.namespace,
            "NERDCTL_TOML": self.write(
                "nerdctl.toml", f'data_root = "{self.folder}/nerdctl"\ncgroup_manager = "cgroupfs"\n'
            ),
        }

    def load(self, archive: str) -> None:
        """Make an archive's image known, by ctr: ``nerdctl load`` wants a newer containerd."""
        subprocess.run([*self.ctr, "image", "import", archive], check=True, capture_output=True)

    def containers(self) -> list[str]:
        """All there are."""
        return Engine.containers(self)

    def remove(self, found: list[str]) -> None:
        """Remove these, running or not."""
        Engine.remove(self, found)


class ReplayedNerdctl(Nerdctl):
    """A stand-in that says what a real nerdctl was recorded to say, where none is on PATH (tests/replay)."""

    programs = ("runc",)
    left_out = NOT_REPLAYED
    shapes = ""

    def missing(self) -> str | None:
        """Why it cannot work here; None if it can."""
        return Engine.missing(self) or ("its replay needs root" if os.geteuid() else None)

    def kind(self) -> str:
        """What it is."""
        return f"replay of recordings of {recordings.VERSION}"

    def configure(self) -> None:
        """A program on PATH, and where its socket is."""
        self.address, tests = self.path("containerd.sock"), os.path.dirname(os.path.abspath(__file__))
        os.mkdir(self.path("bin"))
        for name, module, words in (("nerdctl", "nerdctl", self.shapes), ("daemon", "daemon", self.address)):
            code = f"import sys; sys.path.insert(0, {tests!r}); from replay import {module} as it; sys.exit(it.main({words!r}))"
            line = f'exec {shlex.quote(sys.executable)} -IS -c {shlex.quote(code)} "$@"\n'
            os.chmod(self.write(f"bin/{name}", f"#!/bin/sh\n{line}"), 0o755)
        self.command, self.contact = ("nerdctl",), "nerdctl"
        self.environ = {
            "CONTAINERD_ADDRESS": self.address,
            "CONTAINERD_NAMESPACE": self.namespace,
            "PATH": f"{self.path('bin')}:{os.environ['PATH']}",
        }

    def start(self) -> None:
        """Start what stands for the daemon."""
        self.process = daemon(self.path("daemon.log"), self.path("bin", "daemon"))
        ready(self.process, self.address, lambda: self.cli("version"))

    def load(self, archive: str) -> None:
        """Unpack the image."""
        bundle.load(self.path("nerdctl"))


class OldNerdctl(ReplayedNerdctl):
    """The same stand-in with the shapes that 1.7.7 printed; some of the tests run on it."""

    name = "nerdctl-1.7"
    shapes = "1.7"
    modules = ("test_states", "test_by_hand", "test_failed_starts")

    def kind(self) -> str:
        """What it is."""
        return f"replay of recordings of {recordings.VERSION} in the shapes of 1.7.7 ({', '.join(self.modules)} only)"


class Docker(Containerd):
    """A dockerd with its own socket over a containerd of its own; jobs outlive it (``--live-restore``)."""

    name = "docker"
    programs = ("docker", "dockerd", "containerd", "runc")

    def configure(self) -> None:
        """The environment that leads the CLI to it."""
        super().configure()
        self.below, self.address = self.address, self.path("docker.sock")
        self.command, self.contact = ("docker",), self.name
        self.environ = {"DOCKER_HOST": f"unix://{self.address}", "DOCKER_CONFIG": self.path("client")}
        self.containerd = daemon(self.path("containerd.log"), "containerd", "-c", self.path("config.toml"))

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        words = ["--data-root", self.path("data"), "--exec-root", self.path("exec"), "--containerd", self.below]
        words += ["-H", self.environ["DOCKER_HOST"], "-p", self.path("pid")]
        words += ["--iptables=false", "--bridge=none", "--live-restore"]
        self.process = daemon(self.path("dockerd.log"), "dockerd", *words)
        ready(self.process, self.address, lambda: self.cli("version"))

    def stop(self) -> None:
        """End the daemon, its containerd and shims left over."""
        end(self.process.pid, self.process)
        end(self.containerd.pid, self.containerd)
        for pid in with_words(self.below):
            end(pid, how=signal.SIGKILL)

    def kill(self) -> None:
        """``kill -9`` the daemon; its containerd goes on."""
        super().kill()
        os.unlink(self.path("pid"))

    def load(self, archive: str) -> None:
        """Make an archive's image known."""
        Engine.load(self, archive)

    def containers(self) -> list[str]:
        """All there are."""
        return Engine.containers(self)

    def remove(self, found: list[str]) -> None:
        """Remove these, running or not."""
        Engine.remove(self, found)


class Apptainer(Engine):
    """apptainer, where one is on PATH: of Debian only sid has it. The image is a folder."""

    name = "apptainer"
    programs = ("apptainer",)
    optional = True

    def configure(self) -> None:
        """Without the rights of root, of which a machine may have kept some back."""
        self.command, self.image = self.programs, self.path("busybox")
        self.environ = {"APPTAINER_USERNS": "1"}

    def load(self, archive: str) -> None:
        """Unpack the image; apptainer mounts its /var/tmp, and says so on stderr where there is none."""
        image.unpack(self.image)
        os.makedirs(os.path.join(self.image, "var/tmp"))

    def clear(self) -> None:
        """Nothing is left of a job."""


class Slurm(Engine):
    """A cluster of its own, of two nodes on this machine."""

    name = "slurm"
    programs = slurm.PROGRAMS
    daemon = True
    left_out = NOT_ON_A_CLUSTER

    @property
    def images(self) -> bool:
        """Whether its jobs are started from one."""
        return False

    def missing(self) -> str | None:
        """Why it cannot work here; None if it can."""
        return slurm.missing()

    def up(self) -> Engine:
        """Start the daemons."""
        self.folder = short_folder()
        self.cluster = slurm.Cluster(self.folder)
        self.environ = self.cluster.environ
        self.start()
        return self

    def start(self) -> None:
        """Start what of the daemons does not run."""
        self.cluster.start()

    def stop(self) -> None:
        """End the daemons."""
        self.cluster.stop()

    def clear(self) -> None:
        """End all jobs."""
        self.cluster.clear()

    def kill(self) -> None:
        """``kill -9`` the controller, once it has saved its state, which takes some seconds.

        One that was rolled back gives an id out again, and Slurm cancels that job where a node still has the former one.
        """
        asked = time.time()
        self.cluster.call("sbatch", "--hold", "--output=/dev/null", "--wrap=true")
        self.cluster.until(
            lambda: os.stat(self.cluster.path("state", "job_state")).st_mtime > asked, "its state is saved"
        )
        self.cluster.end("slurmctld", signal.SIGKILL)

    def restart(self) -> None:
        """End the controller in order and start it again."""
        self.cluster.end("slurmctld")
        self.start()

    def cli(self, *words: str) -> str:
        """What one of the commands prints."""
        try:
            return self.cluster.call(*words)
        except subprocess.CalledProcessError as error:
            raise Refused(error.returncode, error.cmd, error.stdout, error.stderr) from None


ENGINES: dict[str, type[Engine]] = {
    kind.name: kind
    for kind in (Engine, Podman, RootlessPodman, Containerd, Nerdctl, OldNerdctl, Docker, Apptainer, Slurm)
}
STAND_INS: dict[str, type[Engine]] = {"nerdctl": ReplayedNerdctl}
"""What the tests run on where the real one is not here."""

UNPACKAGED = {
    "apptainer": "only Debian's sid has a package; without one, unit tests look at its command lines",
}
"""What ``scripts/install-runtimes`` cannot install, and what to do."""


def short_folder() -> str:
    """A new temporary folder; podman's clean-up after a container refuses a runroot of more than 50 characters."""
    usual = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="pt-", dir=usual if len(usual) <= 20 else "/tmp")


def containerd_version() -> tuple[int, ...]:
    """The version of the containerd on PATH."""
    words = subprocess.run(["containerd", "--version"], capture_output=True, text=True, check=True).stdout.split()
    return tuple(int(part) for part in words[2].lstrip("v").split("~")[0].split("-")[0].split("+")[0].split("."))


def daemon(log: str, *argv: str) -> subprocess.Popen[bytes]:
    """Start a daemon, detached from the terminal, with a log of its own."""
    with open(log, "ab") as file:
        return subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd="/", start_new_session=True
        )


def ready(process: subprocess.Popen[bytes], address: str, ask: Callable[[], object]) -> None:
    """Wait until a daemon listens and answers. Raises RuntimeError with the end of its log where it does not."""
    deadline = time.monotonic() + READY
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, subprocess.SubprocessError), socket.socket(socket.AF_UNIX) as tried:
            tried.connect(address)
            ask()
            return
        time.sleep(0.02)
    logs = glob.glob(os.path.join(os.path.dirname(address), "*.log"))
    text = "".join(open(log, encoding="utf-8", errors="replace").read()[-2000:] for log in logs)  # noqa: SIM115
    raise RuntimeError(f"{process.args!r} does not answer\n{text}")


def end(pid: int, process: subprocess.Popen[bytes] | None = None, how: int = signal.SIGTERM) -> None:
    """End one process and wait until it has gone; with SIGKILL after 15 seconds."""
    for number, seconds in ((how, 15.0), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if process.poll() is not None if process else gone(pid):
                return
            time.sleep(0.005)


def gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def with_words(text: str) -> list[int]:
    """The processes with this text in their command line, but ours."""
    return [pid for pid, words in _read_all("cmdline") if text.encode() in words and pid != os.getpid()]


def with_variable(text: str) -> list[int]:
    """The processes with this text in their environment, but ours."""
    return [pid for pid, words in _read_all("environ") if text.encode() in words and pid != os.getpid()]


def _read_all(name: str) -> Iterator[tuple[int, bytes]]:
    """A file of /proc of every process that lets us."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/{name}", "rb") as file:
            yield int(pid), file.read()


def remove(folder: str) -> None:
    """Remove a folder, whatever is still mounted in it."""
    with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:
        mounted = [line.split()[1] for line in file if line.split()[1].startswith(f"{folder}/")]
    for path in reversed(mounted):
        subprocess.run(["umount", "-l", path], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def tested(name: str) -> Engine:
    """What the tests of a runtime run on here: itself, or what stands in for it."""
    real = ENGINES[name]()
    return STAND_INS[name]() if name in STAND_INS and real.missing() else real


def absent() -> Iterator[tuple[str, str, str]]:
    """The runtimes that cannot be used here: name, why, what to do."""
    for name in ENGINES:
        why = tested(name).missing()
        if why:
            runtime = {"ctr": "containerd", "nerdctl": "containerd"}.get(name.split("-")[0], name.split("-")[0])
            yield name, why, UNPACKAGED.get(name, f"sudo scripts/install-runtimes {runtime}")


def main() -> None:
    """Say what was not tested, and what on a stand-in only."""
    rows = list(absent())
    print("\nNot tested, for want of the runtime:" if rows else "\nTested on every runtime.")
    for row in rows:
        print(": ".join(row))
    for name in STAND_INS:
        made = tested(name)
        if isinstance(made, ReplayedNerdctl) and not made.missing():
            print(f"{name}: {ENGINES[name]().missing()}: tested on a {made.kind()}")
    for name in ENGINES:
        made = tested(name)
        for test, why in made.left_out.items() if not made.missing() else ():
            print(f"{name}: {test} was not: {why}")


if __name__ == "__main__":
    main()
