"""Tests the looks at jobs of other hosts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from proctracker.cli.streams import afar
from proctracker.cli.streams.afar import Afar
from proctracker.model import JobRow


class Rows:
    """The rows of another host's store."""

    def __init__(self, *rows: JobRow) -> None:
        self.rows = {row.id: row for row in rows}

    def again(self, rows: Sequence[JobRow]) -> list[JobRow]:
        """The rows as they are now."""
        return [self.rows[row.id] for row in rows if row.id in self.rows]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at every call."""
    monkeypatch.setattr(afar, "LOOK", 0.0)


def row(number: int, **values: object) -> JobRow:
    """A job of another host."""
    made = JobRow(str(number), number)
    for name, value in values.items():
        setattr(made, name, value)
    return made


def test_each_attempt_is_told_of_once() -> None:
    store = Rows(row(1))
    seen = Afar(store, [row(1)])  # type: ignore[arg-type]
    assert (seen.begun(), seen.open) == ([], True)
    store.rows["1"] = row(1, dispatched=5.0, attempt=1)
    assert [each.attempt for each in seen.begun()] == [1]
    assert seen.begun() == []
    store.rows["1"] = row(1, dispatched=6.0, attempt=3)
    assert [each.attempt for each in seen.begun()] == [3]
    store.rows["1"] = row(1, dispatched=6.0, attempt=3, finished=7.0)
    assert (seen.begun(), seen.open, seen.timeout) == ([], False, None)


def test_one_that_ended_without_a_start_is_told_of() -> None:
    seen = Afar(Rows(row(1, finished=7.0)), [row(1)])  # type: ignore[arg-type]
    assert [each.id for each in seen.begun()] == ["1"]
    assert not seen.open


def test_one_that_was_reaped_is_awaited_no_more() -> None:
    seen = Afar(Rows(), [row(1)])  # type: ignore[arg-type]
    assert seen.begun() == []
    assert not seen.open


def test_looks_are_a_while_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(afar, "LOOK", 60.0)
    store = Rows(row(1))
    seen = Afar(store, [row(1)])  # type: ignore[arg-type]
    assert seen.timeout == 0.0
    seen.begun()
    store.rows["1"] = row(1, dispatched=5.0)
    assert seen.begun() == []
    assert seen.timeout is not None and seen.timeout > 50
