"""A session of the DRMAA 1 binding, on the supervisor that the unit tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import proctracker as pt
from proctracker.compat import drmaa1


@pytest.fixture
def drmaa(session: pt.JobSession, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[drmaa1.Session]]:
    """The session class, initialized on a session of this test's own."""
    monkeypatch.setenv("PROCTRACKER_SESSION", session.session_name)
    monkeypatch.delenv("PROCTRACKER_CONTACT", raising=False)
    drmaa1.Session.initialize()
    yield drmaa1.Session
    drmaa1.Session.exit()


@pytest.fixture
def jt(drmaa: type[drmaa1.Session]) -> drmaa1.JobTemplate:
    """A template of that session."""
    return drmaa.createJobTemplate()
