"""``python -m proctracker.compat``: see test_launch, which runs it."""

from __future__ import annotations

import runpy
import sys

import pytest


def test_it_exits_with_the_launchers_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["proctracker.compat", "--help"])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("proctracker.compat", run_name="__main__")
    assert left.value.code == 0
