"""An image made without a network: Debian's static busybox in an archive that podman, ctr and docker all load."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile

NAME = "localhost/busybox:test"
_PASSWD = b"root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n"
_GROUP = b"root:x:0:\nuser:x:1000:\n"
_FOLDERS = {
    "bin": 0o755,
    "dev": 0o755,
    "etc": 0o755,
    "home/user": 0o755,
    "proc": 0o755,
    "root": 0o700,
    "sys": 0o755,
    "tmp": 0o1777,
}
_CONFIG = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
}


def busybox() -> str | None:
    """Where the machine's busybox is; None without one."""
    return shutil.which("busybox", path="/bin:/usr/bin")


def write(path: str, name: str = NAME, **config: object) -> str:
    """Write the archive (``docker save``'s format) and return its path; ``config`` is added to the image's own."""
    layer = _layer()
    digest = hashlib.sha256(layer).hexdigest()
    about = {
        **_CONFIG,
        "architecture": architecture(),
        "config": {**_CONFIG["config"], **config},  # type: ignore[dict-item]
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    text = json.dumps(about).encode()
    config_name = f"{hashlib.sha256(text).hexdigest()}.json"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]}]
    with tarfile.open(path, "w") as archive:
        _add(archive, config_name, text)
        _add(archive, f"{digest}/layer.tar", layer)
        _add(archive, "manifest.json", json.dumps(manifest).encode())
    return path


def architecture() -> str:
    """This machine's, as images have it."""
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


def unpack(folder: str) -> None:
    """The image's files as a folder."""
    with tarfile.open(fileobj=io.BytesIO(_layer())) as layer:
        layer.extractall(folder)


def _layer() -> bytes:
    """A root file system: busybox, a link for each of its applets, the usual folders, a user."""
    program = busybox()
    assert program, "no busybox: scripts/install-runtimes podman"
    applets = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as layer:
        for folder, mode in _FOLDERS.items():
            _add(layer, folder, None, mode)
        with open(program, "rb") as file:
            _add(layer, "bin/busybox", file.read(), 0o755)
        for applet in applets:
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                layer.addfile(link)
        _add(layer, "etc/passwd", _PASSWD)
        _add(layer, "etc/group", _GROUP)
        _add(layer, "etc/notexec", b"not a program\n", 0o644)
    return made.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes | None, mode: int = 0o644) -> None:
    """Add a file, or a folder where there is no content."""
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    if content is None:
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
    else:
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
