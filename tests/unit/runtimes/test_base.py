"""What runtimes and their callers exchange."""

from __future__ import annotations

import pytest

from proctracker.model import Completed
from proctracker.runtimes import base
from proctracker.runtimes.base import Engine


def test_one_is_a_single_call() -> None:
    dialog = base.one(("podman", "ps"))
    assert next(dialog) == [("podman", "ps")]
    done = Completed(("podman", "ps"), 0)
    with pytest.raises(StopIteration) as stop:
        dialog.send([done])
    assert stop.value.value is done


def test_an_engine_of_a_spec() -> None:
    assert Engine.of(None) == Engine(()) == Engine.of({"options": None})
    given = {"command": ["podman"], "options": {"address": "unix:///x"}, "env": {"A": "1"}}
    assert Engine.of(given) == Engine(("podman",), {"address": "unix:///x"}, {"A": "1"})
