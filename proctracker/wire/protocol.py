"""Frames messages: four bytes of length, JSON in ASCII, perhaps a zero byte and text."""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator

VERSION = 1
"""The protocol's version, told by ``hello``, of which both sides need the same."""

LEVEL = 2
"""What a supervisor knows to do beyond its protocol's version, told by ``hello``.

One that tells none has 1. One of a lower level would pass over what is asked of it, so it is upgraded. With 2 came tasks
of fields, and arrays that are halted.
"""

LARGEST = 256 * 2**20
"""Bytes an answer may have."""

REQUEST = 32 * 2**20
"""Bytes a request may have, above an array of 10,000 lines and below a flood."""

_HEAD = struct.Struct(">I")
_DIGITS = 40


def _whole(digits: str) -> int:
    """Return a whole number, or raise ValueError for one too long to read."""
    if len(digits) > _DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _number(text: str) -> float:
    """Return a number, or raise ValueError for what cannot be counted with."""
    value = float(text)
    if value - value:
        raise ValueError(f"{text[:_DIGITS]} is no number")
    return value


_decode = json.JSONDecoder(parse_int=_whole, parse_float=_number, parse_constant=_number).raw_decode
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)


def encode(message: object, raw: str = "") -> bytes:
    """Encode a message as a frame, surrogate escapes as JSON escapes.

    ``raw`` is text in ASCII that is handed on as it is, behind a zero byte: a spec is stored as it came.
    """
    body = _encoder.encode(message).encode("ascii")
    if raw:
        body += b"\0" + raw.encode("ascii")
    return _HEAD.pack(len(body)) + body


def parse(text: str) -> Any:
    """Parse JSON with nothing around it, or raise ValueError for what is none, or too deep."""
    try:
        return _decode(text)[0]
    except RecursionError:
        raise ValueError("values within values, too deep") from None


def text(value: object) -> str:
    """A value as JSON in ASCII."""
    return _encoder.encode(value)


class Frames:
    """Cuts a byte stream into messages."""

    def __init__(self, largest: int = LARGEST) -> None:
        self._buffer = bytearray()
        self._largest = largest

    def __len__(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Yield every message these bytes complete, or raise ValueError for no frame of ours."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= 4:
            (size,) = _HEAD.unpack_from(buffer)
            if size > self._largest:
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
