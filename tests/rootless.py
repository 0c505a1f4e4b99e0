"""Gives the tests of rootless podman, in a run by root, to an ordinary user, and brings the reports back.

The user exists in a mount namespace only: there /etc/passwd and the like are copies with one line more, the device
nodes rootless podman needs are open to everyone, and folders that hide the checkout or the interpreter from others
(/root) are replaced by ones that show just these. The machine's own files stay as they are.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence

from engines import short_folder

NAME, UID = "proctracker-test", 54321
_LINES = {
    "/etc/passwd": f"{NAME}:x:{UID}:{UID}::/nonexistent:/bin/sh",
    "/etc/group": f"{NAME}:x:{UID}:",
    "/etc/subuid": f"{NAME}:2000000:65536",
    "/etc/subgid": f"{NAME}:2000000:65536",
}
_NODES = {"/dev/fuse": (10, 229), "/dev/net/tun": (10, 200)}


class Delegate:
    """A second pytest, run by the ordinary user beside the first; its reports are taken one by one in the order of tests."""

    def __init__(self, root: str, tests: Sequence[str]) -> None:
        self.folder = short_folder()
        os.chmod(self.folder, 0o755)
        self.log = os.path.join(self.folder, "log")
        reading, writing = os.pipe()
        argv = ["unshare", "--mount", "--propagation", "private", "--", sys.executable, __file__, self.folder]
        argv += [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "--report-to", str(writing)]
        argv += ["--basetemp", os.path.join(self.folder, "t", "t"), *tests]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                argv, cwd=root, pass_fds=[writing], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        os.close(writing)
        self.reports: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.reader = threading.Thread(target=self._read, args=[reading], daemon=True)
        self.reader.start()

    def _read(self, fd: int) -> None:
        """Take the reports as they come, so that a full pipe never stops the tests."""
        with open(fd, encoding="utf-8") as lines:
            for line in lines:
                self.reports.put(line)
        self.reports.put(None)

    def of(self, test: str) -> Iterator[dict[str, object]]:
        """The reports of one test, as they come. Raises RuntimeError where the run ended before it."""
        for line in iter(self.reports.get, None):
            report = json.loads(line)
            if report["nodeid"] == test:
                yield report
                if report["when"] == "teardown":
                    return
        self.reports.put(None)  # for the tests after this one
        with open(self.log, encoding="utf-8", errors="replace") as log:
            raise RuntimeError(f"the run by {NAME} ended before this test:\n{log.read()[-4000:]}")

    def close(self) -> None:
        """End it, in order where it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        shutil.rmtree(self.folder, ignore_errors=True)


def enter(folder: str, argv: Sequence[str]) -> None:
    """In a mount namespace of one's own, by root: become the user, run a command."""
    stage = os.path.join(folder, "stage")
    os.mkdir(stage)
    mount("-t", "tmpfs", "-o", "mode=755", "stage", stage)
    for path, line in _LINES.items():
        copy = os.path.join(stage, os.path.basename(path))
        text = open(path, encoding="utf-8").read() if os.path.exists(path) else ""  # noqa: SIM115
        with open(copy, "w", encoding="utf-8") as file:
            file.write(f"{text.rstrip()}\n{line}\n".lstrip())
        mount("--bind", copy, path)
    for path, (major, minor) in _NODES.items():
        copy = os.path.join(stage, os.path.basename(path))
        os.mknod(copy, 0o666 | 0o020000, os.makedev(major, minor))
        os.chmod(copy, 0o666)
        if os.path.exists(path):
            mount("--bind", copy, path)
    reveal([sys.prefix, sys.base_prefix, os.getcwd()], stage)
    os.chdir(os.getcwd())  # into the folder now mounted there
    for name in ("t", "home"):
        os.mkdir(os.path.join(folder, name), 0o700)
        os.chown(os.path.join(folder, name), UID, UID)
    os.setgroups([])
    os.setgid(UID)
    os.setuid(UID)
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "CI", "TERM")}
    kept.update(HOME=os.path.join(folder, "home"), TMPDIR=os.path.join(folder, "t"))
    kept.update(USER=NAME, LOGNAME=NAME, PYTHONDONTWRITEBYTECODE="1")
    os.execvpe(argv[0], list(argv), kept)


def reveal(paths: Sequence[str], stage: str) -> None:
    """Make these paths reachable for everyone: what hides them is covered by a folder that holds only them."""
    hidden: dict[str, list[str]] = {}
    for path in sorted(set(paths)):
        cover = next((above for above in _ancestors(path) if not os.stat(above).st_mode & 0o001), None)
        if cover and not any(path.startswith(f"{shown}/") for shown in hidden.get(cover, [])):
            hidden.setdefault(cover, []).append(path)
    for cover, shown in hidden.items():
        staged = []
        for path in shown:
            staged.append(tempfile.mkdtemp(dir=stage))
            mount("--bind", path, staged[-1])
        mount("-t", "tmpfs", "-o", "mode=755", "cover", cover)
        for path, copy in zip(shown, staged):
            os.makedirs(path)
            mount("--bind", copy, path)


def mount(*words: str) -> None:
    """mount(8)."""
    subprocess.run(["mount", *words], check=True)


def _ancestors(path: str) -> list[str]:
    """The folders above a path, the highest first."""
    parts = path.split("/")[1:]
    return ["/" + "/".join(parts[:count]) for count in range(1, len(parts))]


if __name__ == "__main__":
    enter(sys.argv[1], sys.argv[2:])
