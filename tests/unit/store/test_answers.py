"""What requests did is remembered for those that are sent again."""

from __future__ import annotations

import time

import pytest

from proctracker.model import JobRow
from proctracker.store import Store, answers


def test_a_submits_token_gives_the_same_id_also_once_the_job_is_removed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_context("k", "{}")
    first, second = store.add_spec("{}", "k", "t"), store.add_spec("{}", "k")
    store.add_jobs([JobRow("7_1", 7, 1, spec=first), JobRow("7_2", 7, 2, spec=first), JobRow("8", 8, spec=second)])
    assert store.submitted("t") == "7"
    assert store.submitted("u") is None
    store.delete(["7_1", "7_2"])
    assert store.submitted("t") == "7"
    later = time.time() + 2 * answers.REPEATED
    monkeypatch.setattr(time, "time", lambda: later)
    store.delete(["8"])
    assert store.submitted("t") is None


def test_a_sessions_token_tells_that_it_was_made_also_once_it_is_destroyed(store: Store) -> None:
    store.add_session("a", "process", -1, "t")
    store.add_session("b", "process", -1)
    assert (store.made("t"), store.made("u")) == (True, False)
    store.remove_session("a")
    assert store.made("t")
    assert store.submitted("u") is None


def test_an_adoptions_token_tells_its_jobs(store: Store) -> None:
    store.add_context("k", "{}")
    specs = [store.add_spec("{}", "k", "t"), store.add_spec("{}", "k", "t"), store.add_spec("{}", "k", "u")]
    store.add_jobs([JobRow(str(num), num, spec=spec) for num, spec in zip((7, 8, 9), specs)])
    assert (store.adopted("t"), store.adopted("v")) == (["7", "8"], [])


def test_a_job_that_was_removed_is_known_for_a_while(store: Store) -> None:
    store.add_context("k", "{}")
    store.add_jobs(
        [JobRow("7", 7, spec=store.add_spec("{}", "k", "t")), JobRow("8", 8, spec=store.add_spec("{}", "k", "u"))]
    )
    store.delete(["7"])
    assert (store.removed(7), store.removed(8), store.removed(9)) == (True, False, False)
