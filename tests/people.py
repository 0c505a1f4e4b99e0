"""Two ordinary users for tests by root: known in a mount namespace only, which also shows them checkout and interpreter."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from rootless import mount, reveal

ANN, THIEF = 54331, 54332
_NAMES = {ANN: "pt-ann", THIEF: "pt-thief"}


class People:
    """Runs commands as one of them; ``folder`` is a directory of root's that everybody may look into."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="people-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        argv = ["unshare", "--mount", "--propagation", "private", "--", sys.executable, __file__, self.folder]
        self._holder = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"ready\n"

    @property
    def within(self) -> list[str]:
        """The words that have a command run where they are known."""
        return ["nsenter", f"--target={self._holder.pid}", "--mount", "--"]

    def home(self, uid: int) -> str:
        """A user's home directory."""
        return os.path.join(self.folder, _NAMES[uid])

    def run(self, uid: int, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, or as root (0), in the user's home directory."""
        home = self.home(uid) if uid else self.folder
        given = {"PATH": os.environ["PATH"], "HOME": home, "PYTHONDONTWRITEBYTECODE": "1", **environ}
        argv = self.within
        if uid:
            argv += ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]
        argv += ["env", f"--chdir={home}", "--", *words]
        return subprocess.run(
            argv, env=given, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
        )

    def cli(self, uid: int, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run ``proctracker`` as this user."""
        return self.run(uid, sys.executable, "-m", "proctracker", *words, **environ)

    def sh(self, uid: int, script: str) -> str:
        """What a shell script, which has to succeed, prints."""
        done = self.run(uid, "sh", "-ec", script)
        assert done.returncode == 0, done
        return done.stdout

    def end(self, uid: int) -> None:
        """End all that runs as a user: supervisors and what they started."""
        while True:
            pids = [int(name) for name in os.listdir("/proc") if name.isdigit() and _owner(name) == uid]
            if not pids:
                return
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, number)
            self.until(lambda gone=tuple(pids): not any(_owner(str(pid)) == uid for pid in gone))

    @staticmethod
    def until(so: Callable[[], bool]) -> None:
        """Wait for what no event tells of; not for ever."""
        end = time.monotonic() + 30
        while not so():
            assert time.monotonic() < end
            time.sleep(0.01)

    def close(self) -> None:
        """Let the namespace go, and what was made."""
        subprocess.run(["rm", "-rf", self.folder], check=False)
        self._holder.communicate()


def _owner(pid: str) -> int | None:
    """The real uid of a process that lives."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            found = dict(line.split(":", 1) for line in file)
    except OSError:
        return None
    return None if found["State"].strip()[0] in "ZX" else int(found["Uid"].split()[0])


def enter(folder: str) -> None:
    """Make the namespace, and be it until nobody wants it any more."""
    stage = tempfile.mkdtemp(dir=folder)
    mount("-t", "tmpfs", "-o", "mode=755", "stage", stage)
    for name in ("passwd", "group"):
        copy = os.path.join(stage, name)
        more = (f"{user}:x:{uid}:{uid}::{folder}/{user}:/bin/sh" for uid, user in _NAMES.items())
        if name == "group":
            more = (f"{user}:x:{uid}:" for uid, user in _NAMES.items())
        with open(f"/etc/{name}", encoding="utf-8") as file, open(copy, "w", encoding="utf-8") as target:
            target.write(file.read().rstrip() + "\n" + "".join(f"{line}\n" for line in more))
        mount("--bind", copy, f"/etc/{name}")
    reveal([sys.prefix, sys.base_prefix, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))], stage)
    for uid, user in _NAMES.items():
        os.mkdir(os.path.join(folder, user), 0o700)
        os.chown(os.path.join(folder, user), uid, uid)
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    enter(sys.argv[1])
