"""The stand-in's image and what runc is told of a container: an OCI bundle (runtime-spec, config.md)."""

from __future__ import annotations

import json
import os
import shutil
import socket
from types import SimpleNamespace
from typing import Any

from replay.store import Container

_CAPABILITIES = (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL"
    " AUDIT_WRITE"
).split()
"""Those that nerdctl's containers have."""
_EVERY = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE"
    " NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN"
    " SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP"
).split()
"""capabilities(7), by their numbers."""


def load(data: str) -> None:
    """Make the one image known, and have runc write down its usual configuration."""
    import subprocess

    import image

    for folder in ("containers", "names", "runc", "image/rootfs"):
        os.makedirs(os.path.join(data, folder))
    image.unpack(os.path.join(data, "image/rootfs"))
    subprocess.run(["runc", "spec", "--bundle", os.path.join(data, "image")], check=True)


def make(data: str, container: Container, asked: SimpleNamespace, namespace: str) -> None:
    """Write the bundle of a container. The image's programs are shared, for reading; all else is its own."""
    shared, root = os.path.join(data, "image", "rootfs"), os.path.join(container.folder, "rootfs")
    shutil.copytree(shared, root, ignore=lambda folder, names: names if os.path.basename(folder) == "bin" else [])
    with open(os.path.join(data, "image", "config.json"), encoding="utf-8") as file:
        config: dict[str, Any] = json.load(file)
    process, linux = config["process"], config["linux"]
    process.update(terminal=False, args=container.about["command"], env=_environment(asked), cwd=asked.workdir or "/")
    process["user"] = _user(root, asked.user)
    allowed = [f"CAP_{name}" for name in (_EVERY if asked.privileged else _CAPABILITIES) if _has(name)]
    process["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), allowed)
    process["rlimits"] = [_limit(word) for word in asked.ulimit]
    process.pop("noNewPrivileges", None)
    config["root"]["readonly"] = False
    config["hostname"] = "" if asked.uts == "host" else asked.hostname or socket.gethostname()
    config["mounts"] = [each for each in config["mounts"] if each["type"] != "cgroup"]
    binds = [f"{shared}/bin:/bin:ro", *asked.volume, *(f"{word}:{word}" for word in asked.device)]
    config["mounts"] += [_mount(container, word) for word in binds]
    given = {"network": asked.network, "pid": asked.pid, "ipc": asked.ipc, "uts": asked.uts}
    theirs = {kind for kind, mode in given.items() if mode == "host"}
    linux["namespaces"] = [each for each in linux["namespaces"] if each["type"] not in {*theirs, "cgroup"}]
    linux["cgroupsPath"] = f"/{namespace}/{container.id}"
    if asked.memory:
        linux["resources"]["memory"] = {"limit": int(asked.memory.rstrip("b"))}
    os.makedirs(root + process["cwd"], exist_ok=True)
    with open(os.path.join(container.folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)


def _environment(asked: SimpleNamespace) -> list[str]:
    """The image's variables, those of the files, then those of the options: a name alone is the caller's."""
    found = ["PATH=/bin"]
    for path in asked.env_file:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            found += [line for line in file.read().split("\n") if "=" in line]
    found += [word if "=" in word else f"{word}={os.environ[word]}" for word in asked.env]
    return [*found, f"HOSTNAME={asked.hostname or socket.gethostname()}"]


def _has(name: str) -> bool:
    """Whether we have a capability ourselves; a machine may have kept some back."""
    with open("/proc/self/status", encoding="ascii") as file:
        mask = next(int(line.split()[1], 16) for line in file if line.startswith("CapBnd"))
    return bool(mask >> _EVERY.index(name) & 1)


def _user(root: str, given: str | None) -> dict[str, int]:
    user, _, group = (given or "0:0").partition(":")
    if not user.isdecimal():
        with open(os.path.join(root, "etc/passwd"), encoding="utf-8") as file:
            user, group = next(line.split(":")[2:4] for line in file if line.startswith(f"{user}:"))
    return {"uid": int(user), "gid": int(group or 0)}


def _limit(word: str) -> dict[str, Any]:
    name, _, values = word.partition("=")
    soft, _, hard = values.partition(":")
    most = 2**64 - 1
    soft_hard = [most if int(value) < 0 else int(value) for value in (soft, hard or soft)]
    return {"type": f"RLIMIT_{name.upper()}", "soft": soft_hard[0], "hard": soft_hard[1]}


def _mount(container: Container, word: str) -> dict[str, Any]:
    """A bind mount. A volume with a name, instead of a path, is a folder beside the container."""
    source, target, *options = word.split(":")
    if "/" not in source:
        source = os.path.join(container.folder, "volumes", source)
        os.makedirs(source, exist_ok=True)
    how = ["rbind", *(each for part in options for each in part.split(","))]
    return {"destination": target, "type": "bind", "source": source, "options": how}
