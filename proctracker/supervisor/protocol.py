"""Frames on the supervisor's socket: four bytes of length, then JSON in ASCII, then perhaps a zero byte and text handed on."""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

VERSION = 1
"""The protocol's version, told by ``hello``; a client and a supervisor of two versions part at once."""

LARGEST = 256 * 2**20
"""Bytes a frame may have: far above any array of 200 KB command lines, far below what would exhaust a login node."""

_HEAD = struct.Struct(">I")
_decode = json.JSONDecoder().raw_decode
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)


def encode(message: object, raw: str = "") -> bytes:
    """A message as a frame. Text from the system (surrogate escapes) passes unharmed as JSON escapes.

    ``raw`` is text in ASCII that is handed on as it is, behind a zero byte: a spec is stored as it came.
    """
    body = _encoder.encode(message).encode("ascii")
    if raw:
        body += b"\0" + raw.encode("ascii")
    return _HEAD.pack(len(body)) + body


def parse(text: str) -> Any:
    """What ``text`` made: nothing stands before or after the value. ValueError for what is no JSON."""
    return _decode(text)[0]


def text(value: object) -> str:
    """A value as JSON in ASCII."""
    return _encoder.encode(value)


class Frames:
    """Cuts a byte stream into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Yield every message completed by these bytes; ValueError for what is no frame of ours."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 4:
            (size,) = _HEAD.unpack_from(buffer)
            if size > LARGEST:
                raise ValueError(f"a frame of {size} bytes")
            if len(buffer) < 4 + size:
                return
            body = bytes(buffer[4 : 4 + size])
            del buffer[: 4 + size]
            text, _, raw = body.decode("ascii").partition("\0")
            message = parse(text)
            if not isinstance(message, dict):
                raise ValueError("a frame that holds no object")
            if raw:
                message["raw"] = raw
            yield message
