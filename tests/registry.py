"""A registry of one image, for tests that fetch: the read-only part of the distribution specification, on 127.0.0.1."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import image

REPOSITORY = "busybox"
_TYPES = "application/vnd.docker."


@contextmanager
def serving(archive: str) -> Iterator[str]:
    """Serve the image of an archive (``image.write``) under any tag; its name there, without one."""
    blobs, manifest = _blobs(image.write(archive))
    blobs[_digest(manifest)] = manifest

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(False)

        def do_GET(self) -> None:
            self._answer(True)

        def _answer(self, body: bool) -> None:
            kind, name = self.path.rstrip("/").split("/")[-2:]
            found = {"manifests": blobs.get(name, manifest), "blobs": blobs.get(name), "": b"{}"}.get(kind)
            if found is None:
                self.send_error(404)
                return
            self.send_response(200)
            media = f"{_TYPES}distribution.manifest.v2+json" if kind == "manifests" else "application/octet-stream"
            self.send_header("Content-Type", media)
            self.send_header("Docker-Content-Digest", _digest(found))
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            if body:
                self.wfile.write(found)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}/{REPOSITORY}"
        finally:
            server.shutdown()


def _blobs(archive: str) -> tuple[dict[str, bytes], bytes]:
    """The layer and configuration of an archive by digest, and a manifest that names them."""
    with tarfile.open(archive) as saved:
        (about,) = json.load(_member(saved, "manifest.json"))
        config = _member(saved, about["Config"]).read()
        layer = gzip.compress(_member(saved, about["Layers"][0]).read(), 1)
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{_TYPES}distribution.manifest.v2+json",
        "config": _described(f"{_TYPES}container.image.v1+json", config),
        "layers": [_described(f"{_TYPES}image.rootfs.diff.tar.gzip", layer)],
    }
    return {_digest(config): config, _digest(layer): layer}, json.dumps(manifest).encode()


def _member(archive: tarfile.TarFile, name: str) -> io.BufferedReader:
    found = archive.extractfile(name)
    assert isinstance(found, io.BufferedReader)
    return found


def _described(media: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media, "size": len(blob), "digest": _digest(blob)}


def _digest(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"
