"""What a check of ``doctor`` found."""

from __future__ import annotations

from proctracker.cli.verbs.checks import Check


def test_nothing_is_to_be_done_unless_said() -> None:
    assert Check("pidfd", "ok", "there").advice is None
