"""Frames on the socket."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctracker.wire import protocol

_texts = st.text() | st.binary(max_size=20).map(os.fsdecode)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
)
_messages = st.lists(st.dictionaries(_texts, _values, max_size=3), max_size=4)


@given(_messages, st.data())
def test_however_the_stream_is_cut_the_messages_are_the_same(
    messages: list[dict[str, Any]], data: st.DataObject
) -> None:
    stream = b"".join(map(protocol.encode, messages))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    frames, found = protocol.Frames(), []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)]):
        found += list(frames.feed(stream[start:stop]))
    assert found == messages


@given(_values)
def test_a_frame_is_its_length_and_ascii(value: Any) -> None:
    frame = protocol.encode({"a": value})
    assert struct.unpack(">I", frame[:4]) == (len(frame) - 4,)
    assert json.loads(frame[4:].decode("ascii")) == {"a": value}
    assert protocol.text({"a": value}).encode("ascii") == frame[4:]


def test_a_message_comes_with_its_last_byte() -> None:
    frames, frame = protocol.Frames(), protocol.encode({"op": "status"})
    for byte in frame[:-1]:
        assert list(frames.feed(bytes([byte]))) == []
    assert list(frames.feed(frame[-1:])) == [{"op": "status"}]
    assert list(frames.feed(b"")) == []


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", protocol.LARGEST + 1),
        b"GET / HTTP/1.1\r\n",
        protocol.encode([1, 2]),
        protocol.encode(None),
        struct.pack(">I", 3) + b"{a}",
        struct.pack(">I", 2) + b"\xff\xff",
    ],
)
def test_what_is_no_frame_of_ours(data: bytes) -> None:
    frames = protocol.Frames()
    with pytest.raises(ValueError):
        list(frames.feed(data))
