"""What tests do with the guest: logins that stay, logins for one command, reboots, clocks, and a clean start."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

from vm.machine import Machine

RESET = """
date -s @{now} >/dev/null
for user in alice bob; do
    loginctl disable-linger $user
    loginctl terminate-user $user
    systemctl kill -s KILL user-$(id -u $user).slice
    while pkill -KILL -u $user; do sleep 0.1; done
    rm -rf /home/$user/.local/state /home/$user/work /tmp/proctracker-*
    install -d -o $user -g $user /home/$user/work /home/$user/.config /home/$user/.config/proctracker
    echo 'cli_timeout: 60' >/home/$user/.config/proctracker/config.yaml
done 2>/dev/null
if [ -e {conf} ]; then rm -f {conf}; systemctl restart systemd-logind; fi
rm -rf /root/.local/state
"""
"""Engines get more time than usual: without KVM a call of podman's takes seconds, far more beside other load."""

IMAGE = "localhost/busybox:test"
LOAD = """cd /opt/proctracker/tests
[ -e /tmp/busybox.tar ] || python3 -c "import image; image.write('/tmp/busybox.tar')"
chmod a+r /tmp/busybox.tar
"""
LOGIND = "/etc/systemd/logind.conf.d/test.conf"


class Guest:
    """The guest as seen by a test."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def reset(self, now: float) -> None:
        """End all sessions and processes of the ordinary users, remove their state, set clock and settings right."""
        self.root(RESET.format(now=f"{now:.3f}", conf=LOGIND))

    def root(self, script: str, timeout: float = 120) -> str:
        """Run a script by root outside of all sessions; returns what it printed."""
        return output(self.machine.root(script, timeout), script)

    def run(self, user: str, script: str, timeout: float = 300) -> str:
        """Run a script in a login of its own; returns what it printed. AssertionError with all of it where it fails."""
        return output(self.machine.login(user, script, timeout), script)

    def tried(self, user: str, script: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """The same for a script that may fail."""
        return self.machine.login(user, script, timeout)

    @contextlib.contextmanager
    def session(self, user: str) -> Iterator[Session]:
        """A login that stays until the block ends: then it is a logout."""
        opened = Session(self.machine.argv(user, "bash"))
        try:
            yield opened
        finally:
            opened.close()

    def load_image(self, user: str) -> None:
        """Give a user's podman the image of the tests, in a login."""
        self.root(LOAD)
        self.run(user, f"podman image exists {IMAGE} || podman load -q -i /tmp/busybox.tar")

    def kill_user_processes(self, wanted: bool) -> None:
        """Set logind's KillUserProcesses."""
        text = f"[Login]\\nKillUserProcesses={'yes' if wanted else 'no'}\\n"
        self.root(f"mkdir -p {LOGIND.rpartition('/')[0]}; printf '{text}' >{LOGIND}; systemctl restart systemd-logind")

    def until(self, user: str, script: str, timeout: float = 60) -> None:
        """Wait until a script succeeds, by root where no user is named."""
        wait_for(lambda: self.machine.login(user, script, timeout).returncode == 0, timeout, script)


class Session:
    """A login shell that reads what it is told to run."""

    def __init__(self, argv: list[str]) -> None:
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )

    def run(self, script: str) -> tuple[int, str]:
        """Run a script; returns its exit code and what it printed on both streams."""
        mark = uuid4().hex
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{{ {script}\n}} </dev/null 2>&1; code=$?; echo; echo {mark} $code\n")
        self.process.stdin.flush()
        told: list[str] = []
        for line in self.process.stdout:
            if line.startswith(mark):
                return int(line.split()[1]), "".join(told)[:-1]
            told.append(line)
        raise AssertionError(f"the login ended: {''.join(told)}")

    def close(self) -> None:
        """Log out."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def output(done: subprocess.CompletedProcess[str], script: str) -> str:
    """What a script printed. Raises AssertionError where it failed."""
    assert done.returncode == 0, f"{script}\nexit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout.strip()


def wait_for(true: Callable[[], bool], timeout: float, what: str) -> None:
    """Ask again until it is true; AssertionError naming it after the time."""
    until = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < until, f"not within {timeout} s: {what}"
        time.sleep(0.3)
