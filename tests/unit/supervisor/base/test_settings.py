"""What clients told of the configuration."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from proctracker.client.client import Client
from proctracker.store import Home
from proctracker.supervisor.base import settings
from supervising import Desk, kill, seat


def test_the_next_one_knows_what_was_told(home: Home) -> None:
    home.prepare()
    known = settings.load(home, "main")
    assert known == settings.DEFAULTS
    assert settings.tell(home, "main", known, {"keep_days": 2.5, "nonsense": 1})
    assert known == {**settings.DEFAULTS, "keep_days": 2.5}
    assert (settings.load(home, "main"), settings.load(home, "other")) == (known, settings.DEFAULTS)
    assert stat.S_IMODE(os.stat(settings.path(home, "main")).st_mode) == 0o600


def test_nothing_is_written_where_nothing_changes(home: Home) -> None:
    home.prepare()
    assert not settings.tell(home, "main", settings.load(home, "main"), {"keep_ended": 1000})
    assert not os.path.exists(settings.path(home, "main"))


@pytest.mark.parametrize("text", ["", "[1]", "{", "\xe4"])
def test_what_cannot_be_read_tells_nothing(home: Home, text: str) -> None:
    home.prepare()
    Path(settings.path(home, "main")).write_bytes(text.encode("latin-1"))
    assert settings.load(home, "main") == settings.DEFAULTS


def test_where_it_cannot_be_written_this_one_knows_it_all_the_same(home: Home) -> None:
    known = settings.load(home, "main")
    assert settings.tell(home, "main", known, {"keep_days": 7})
    assert known["keep_days"] == 7


def test_a_supervisor_goes_by_them_from_its_start(old: Desk, follow: Callable[..., Desk]) -> None:
    settings.tell(old.home, old.key, old.here.settings, {"max_running_host": 1})
    jobs = [old.submit("sleep", "600", session=name) for name in ("s", "t")]
    old.running(jobs[0])
    next_one = follow()
    first, second = map(next_one.taken, jobs)
    os.kill(first.row.pid or 0, signal.SIGKILL)
    next_one.running(second)
    assert (second.row.dispatched or 0) >= (first.row.finished or time.time())


def test_a_killed_ones_settings_are_the_next_ones(home: Home) -> None:
    client = Client(home, settings={"keep_environment": True, "cli_timeout": 3.0})
    kill(seat(client)[1])
    client.close()
    plain = Client(home)
    seat(plain)
    known = settings.load(home, plain.supervisor.key)
    assert (known["keep_environment"], known["cli_timeout"]) == (True, 3.0)
    plain.close()


@pytest.mark.parametrize("value", ["x", -1, None, [], {}, True, 2.0**60])
def test_what_no_supervisor_can_go_by_is_no_setting(home: Home, value: object) -> None:
    home.prepare()
    known = settings.load(home, "main")
    assert not settings.tell(home, "main", known, {"idle": value, "keep_environment": "yes"})
    Path(settings.path(home, "main")).write_text(json.dumps({"idle": value}))
    assert settings.load(home, "main") == settings.DEFAULTS
