"""The runtime under test and a session on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

import proctracker as pt
from contract.kit import Kit, cli

if TYPE_CHECKING:
    from engines import Engine


@pytest.fixture
def kit(engine: Engine, home: Any) -> Kit:
    """The runtime under test, with a state directory of its own."""
    return Kit(engine)


@pytest.fixture
def session(kit: Kit) -> Iterator[pt.JobSession]:
    """An open session whose default contact is the runtime under test; its jobs are gone afterwards."""
    name = f"s{uuid4().hex[:8]}"
    opened = pt.create_job_session(name, kit.contact)
    yield opened
    cli("session", "destroy", name, "--terminate")
