"""Where output is shown."""

from __future__ import annotations

import os
import select
import threading
import time

import pytest

from proctracker.cli.streams import sink as module
from proctracker.cli.streams.sink import Lines, Shared, heeding, put


def test_streams_that_share_a_descriptor_do_not_mix_their_lines(sink):
    shared = Shared()
    one, other = Lines(sink[0], shared=shared), Lines(sink[0], shared=shared)
    one.show(b"a\nhal")
    other.show(b"x\ny")
    one.show(b"f\nb")
    assert sink[1]() == b"a\nx\nhalf\n"
    other.end()
    one.end()
    assert sink[1]() == b"y\nb"


def test_a_stream_alone_on_a_shared_descriptor_is_shown_byte_for_byte(sink, monkeypatch):
    monkeypatch.setattr(module, "_LONGEST", 4)
    one, other = (Lines(sink[0], shared=shared) for shared in [Shared()] * 2)
    for data in (b"ab", b"cdef", b"g", b"\nh"):
        one.show(data)
    one.end()
    other.end()
    assert sink[1]() == b"abcdefg\nh"


@pytest.fixture
def told():
    """A signal's descriptor: calling it gives the signal."""
    read_end, write_end = os.pipe()
    yield read_end, lambda: os.write(write_end, b"x")
    os.close(read_end)
    os.close(write_end)


def test_a_reader_that_stopped_is_not_waited_for_after_a_signal(told, monkeypatch):
    monkeypatch.setattr(module, "_STUCK", 0.05)
    read_end, write_end = os.pipe()
    data, taken = bytes(1 << 20), []

    def take():
        taken.append(os.read(told[0], 1))
        return False

    timer = threading.Timer(0.2, told[1])
    timer.start()
    with heeding(told[0], take):
        put(write_end, data)  # a pipe holds less
        put(write_end, data)  # nor does it matter any more
    timer.join()
    assert taken == [b"x"]
    os.close(write_end)
    assert 0 < len(os.read(read_end, 1 << 20)) < len(data)
    os.close(read_end)


def test_one_that_leaves_all_is_not_waited_for_at_all(told):
    read_end, write_end = os.pipe()
    told[1]()
    began = time.monotonic()
    with heeding(told[0], lambda: bool(os.read(told[0], 1))):
        put(write_end, bytes(1 << 20))
    assert time.monotonic() - began < module._STUCK
    os.close(read_end)
    os.close(write_end)


def test_after_a_signal_that_was_taken_before_nobody_waits_for_a_reader_that_takes_nothing(told):
    read_end, write_end = os.pipe()
    with heeding(told[0], lambda: False, lambda: True):
        put(write_end, bytes(1 << 20))  # for ever, if nothing were known of that signal
    os.close(write_end)
    assert 0 < len(os.read(read_end, 1 << 20)) < 1 << 20
    os.close(read_end)


def test_a_slow_reader_gets_everything(told):
    read_end, write_end = os.pipe()
    data, found = os.urandom(1 << 20), []

    def read():
        while len(b"".join(found)) < len(data):
            select.select([read_end], [], [])
            found.append(os.read(read_end, 1 << 16))

    reader = threading.Thread(target=read)
    reader.start()
    told[1]()
    with heeding(told[0], lambda: not os.read(told[0], 1)):
        put(write_end, data)
    reader.join()
    assert b"".join(found) == data
    os.close(read_end)
    os.close(write_end)
