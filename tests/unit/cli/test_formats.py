"""What is printed stays on its line and does nothing to the terminal."""

from __future__ import annotations

import time

from proctracker.cli import formats


def test_control_characters_and_foreign_bytes_are_escaped():
    assert formats.safe("plain ünïcode") == "plain ünïcode"
    assert formats.safe("a\nb\tc\x1b[31m") == "a\\nb\\tc\\x1b[31m"
    assert formats.safe(b"\xff\xfe".decode("utf-8", "surrogateescape")) == "\\xff\\xfe"


def test_commands_are_quoted():
    assert formats.command_line(["sh", "-c", "echo 'a b'", ""]) == """sh -c 'echo '"'"'a b'"'"'' ''"""


def test_durations():
    shown = {
        None: "-",
        0: "0.0s",
        0.44: "0.4s",
        9.96: "10s",
        59.4: "59s",
        59.6: "1:00",
        185: "3:05",
        7384: "2:03:04",
        93780: "1d 02:03",
    }
    assert {seconds: formats.duration(seconds) for seconds in shown} == shown


def test_times_of_today_are_shorter():
    assert formats.local_time(None) == "-"
    now = time.time()
    assert formats.local_time(now) == time.strftime("%H:%M:%S", time.localtime(now))
    assert formats.local_time(0) == time.strftime("%b %d %H:%M", time.localtime(0))


def test_tables_pad_all_but_the_last_column_and_are_cut_at_the_width():
    assert formats.table(["ID", "NAME"], [["1", "x"], ["1000", "a\nb"]]) == "ID    NAME\n1     x\n1000  a\\nb\n"
    assert formats.table(["ID", "NAME"], [["1", "abcdefgh"]], width=8) == "ID  NAME\n1   abc…\n"


def test_contacts_have_no_long_address():
    assert formats.contact("ctr:/run/containerd/containerd.sock?namespace=x") == "ctr:…?namespace=x"
    assert formats.contact("podman:/run/podman/podman.sock") == "podman:…"
    for short in ("podman", "ctr?namespace=x", "docker:/tmp/d.sock"):
        assert formats.contact(short) == short
