"""A Debian machine under qemu without KVM: its image, boot, logins and end. ``scripts/vm`` and the tests here use it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RECIPE = os.path.join(ROOT, "tests", "vm", "recipe")
CACHE = os.path.join(ROOT, ".cache", "vm")

BOOT = 600.0
"""Seconds within which ssh must answer: 25 to 60 were seen, far more on a busy machine."""

PACKAGES = {
    "qemu-system-x86_64": "qemu-system-x86",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "ssh": "openssh-client",
}
"""A program needed here -> the Debian package that has it."""

NAMES = ("proctracker", "tests", "setup.cfg", "pyproject.toml")
"""What of the checkout is copied into the guest."""

TARGET = "/opt/proctracker"


class Machine:
    """One guest: a folder with its disk, port, process id and console, over an image shared with the others."""

    def __init__(self, folder: str, image: str = "") -> None:
        self.folder, self.image = folder, image or default_image()

    def path(self, name: str) -> str:
        """A file in its folder."""
        return os.path.join(self.folder, name)

    @property
    def pid(self) -> int | None:
        """Process id of the qemu that runs it; None where none does."""
        with contextlib.suppress(OSError, ValueError):
            with open(self.path("pid"), encoding="ascii") as file:
                pid = int(file.read())
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if os.fsencode(self.path("disk.img")) in file.read():
                    return pid
        return None

    def ports(self) -> list[int]:
        """The loopback ports that lead to its logins and to root's way in without one."""
        with open(self.path("ports"), encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    def up(self, memory: str = "2G", keep: bool = False) -> None:
        """Boot it with a fresh disk, or with the one it had (``keep``); returns once ssh answers."""
        if self.start(memory, keep):
            self.ready()

    def start(self, memory: str = "2G", keep: bool = False) -> bool:
        """Begin to boot it, unless it runs; returns whether that was to be done."""
        if self.pid is not None:
            return False
        os.makedirs(self.folder, exist_ok=True)
        disk = self.path("disk.img")
        if not (keep and os.path.exists(disk)):
            subprocess.run(["cp", "--sparse=always", os.path.join(self.image, "root.img"), disk], check=True)
        ports = free_ports()
        with open(self.path("ports"), "w", encoding="ascii") as file:
            file.write(f"{ports[0]} {ports[1]}\n")
        subprocess.run(self._qemu(disk, ports, memory), check=True)
        return True

    def _qemu(self, disk: str, ports: list[int], memory: str) -> list[str]:
        """The command line: virtio for everything, no network beyond the forwarded ports."""
        forwards = ",".join(f"hostfwd=tcp:127.0.0.1:{port}-:{there}" for port, there in zip(ports, (22, 23)))
        append = (
            "root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off audit=0 apparmor=0 selinux=0 quiet loglevel=4"
        )
        return [
            *("qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max,la57=off"),
            *("-smp", "2", "-m", memory, "-nodefaults", "-no-user-config", "-display", "none"),
            *("-kernel", os.path.join(self.image, "vmlinuz"), "-initrd", os.path.join(self.image, "initrd")),
            *("-append", f"{append} systemd.show_status=0"),
            *("-drive", f"file={disk},if=virtio,format=raw,cache=unsafe,discard=unmap"),
            *("-netdev", f"user,id=n,restrict=on,{forwards}"),
            *("-device", "virtio-net-pci,netdev=n,romfile=", "-device", "virtio-rng-pci"),
            *("-serial", f"file:{self.path('console.log')}", "-pidfile", self.path("pid"), "-daemonize"),
        ]

    def ready(self, other_than: str = "") -> str:
        """Wait until a boot, but not the one named, is complete; returns its id. Raises RuntimeError if it never is."""
        began = time.monotonic()
        while time.monotonic() - began < BOOT and self.pid is not None:
            done = self.root("cat /proc/sys/kernel/random/boot_id; systemctl is-system-running --wait", timeout=BOOT)
            boot, _, state = done.stdout.strip().partition("\n")
            if boot not in ("", other_than) and state in ("running", "degraded"):
                return boot
            time.sleep(0.5)
        with open(self.path("console.log"), encoding="utf-8", errors="replace") as file:
            raise RuntimeError(f"the guest does not answer:\n{file.read()[-3000:]}")

    def argv(self, user: str, *words: str) -> list[str]:
        """The command line of a login; the words are read by the user's shell. No user: root, without a login session."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=90"]
        options += ["ServerAliveInterval=20", "ServerAliveCountMax=9", "BatchMode=yes"]
        key, port = os.path.join(self.image, "key"), self.ports()[0 if user else 1]
        found = ["ssh", "-p", str(port), "-i", key, *(word for option in options for word in ("-o", option))]
        return [*found, f"{user or 'root'}@127.0.0.1", *words]

    def login(self, user: str, script: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run a script by bash in a login session of its own, which ends with it; 255 where that takes too long."""
        argv = self.argv(user, script)
        settings: dict[str, Any] = {
            "stdin": subprocess.DEVNULL,
            "capture_output": True,
            "text": True,
            "errors": "replace",
        }
        try:
            return subprocess.run(argv, timeout=timeout, check=False, **settings)
        except subprocess.TimeoutExpired as error:
            told = text(error.stderr) + f"\nno end within {timeout} s"
            return subprocess.CompletedProcess(argv, 255, text(error.stdout), told)

    def root(self, script: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run a script by root, outside of all login sessions."""
        return self.login("", script, timeout)

    def copy(self) -> None:
        """Put this checkout into the guest, in place of what was there, compiled once for all users."""
        listed = ["git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard", "--", *NAMES]
        names = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
            for name in filter(None, names):
                if os.path.exists(os.path.join(ROOT, name)):
                    archive.add(os.path.join(ROOT, name), name, filter=owned_by_root)
        script = (
            f"rm -rf {TARGET} && mkdir -p {TARGET} && cd {TARGET} && tar xzf - --no-same-owner && "
            "chmod -R a+rX . && python3 -m compileall -q proctracker"
        )
        done = subprocess.run(self.argv("", script), input=packed.getvalue(), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the checkout could not be copied:\n{text(done.stdout)}{text(done.stderr)}")

    def crash(self) -> str:
        """Reboot it as a power cut would, nothing written and nothing ended; returns the new boot's id once it is up."""
        return self._again("echo b >/proc/sysrq-trigger")

    def reboot(self) -> str:
        """Reboot it in order; returns the new boot's id once it is up."""
        return self._again("systemctl reboot")

    def _again(self, command: str) -> str:
        """Run a command that ends the boot, some time after the way in has been left."""
        told = self.root(f"cat /proc/sys/kernel/random/boot_id; (sleep 0.5; {command}) >/dev/null 2>&1 &", timeout=60)
        return self.ready(other_than=told.stdout.strip())

    def down(self) -> None:
        """End it at once, by its process id. The disk stays."""
        pid = self.pid
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + 10
            while self.pid == pid and time.monotonic() < until:
                time.sleep(0.1)
            os.kill(pid, signal.SIGKILL)


def default_image() -> str:
    """The folder of the image that the recipe gives, whether it is built or not."""
    with open(RECIPE, "rb") as file:
        return os.path.join(CACHE, f"image-{hashlib.sha256(file.read()).hexdigest()[:12]}")


def build(image: str) -> None:
    """Build the image where it is not there yet; ones of other recipes are removed. Raises RuntimeError."""
    if os.path.exists(image):
        return
    lacking = [package for program, package in PACKAGES.items() if not shutil.which(program)]
    if lacking:
        raise RuntimeError(f"not installed: apt-get install {' '.join(lacking)}")
    os.makedirs(CACHE, exist_ok=True)
    for old in os.listdir(CACHE):
        if old.startswith("image-"):
            shutil.rmtree(os.path.join(CACHE, old))
    part = os.path.join(CACHE, f"image-part-{os.getpid()}")
    os.mkdir(part)
    with open(os.path.join(CACHE, "build.log"), "wb") as log:
        done = subprocess.run([RECIPE, part], stdout=log, stderr=log, check=False)
    if done.returncode:
        raise RuntimeError(f"the image could not be built: {log.name}")
    os.rename(part, image)


def owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without its owner here."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def free_ports() -> list[int]:
    """Two loopback ports that nobody uses."""
    with socket.socket() as one, socket.socket() as other:
        for taken in (one, other):
            taken.bind(("127.0.0.1", 0))
        return [taken.getsockname()[1] for taken in (one, other)]


def text(data: object) -> str:
    """Bytes, text or nothing as text."""
    return data.decode(errors="replace") if isinstance(data, bytes) else str(data or "")


def say(message: str) -> None:
    """A line on stderr."""
    print(f"vm: {message}", file=sys.stderr, flush=True)
