"""A session of the Grid Engine binding, on the supervisor that the unit tests share."""

from __future__ import annotations

import pytest

import proctracker as pt
from proctracker.compat.gridengine import JobSession


@pytest.fixture
def js(session: pt.JobSession) -> JobSession:
    """A session of this test's own, which its fixture destroys."""
    return JobSession(session.session_name, destroy_on_exit=False)
