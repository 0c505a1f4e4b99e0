"""What runtimes and their callers exchange."""

from __future__ import annotations

import pytest

from proctracker.model import Completed
from proctracker.runtimes import base


def test_one_is_a_single_call() -> None:
    dialog = base.one(("podman", "ps"))
    assert next(dialog) == [("podman", "ps")]
    done = Completed(("podman", "ps"), 0)
    with pytest.raises(StopIteration) as stop:
        dialog.send([done])
    assert stop.value.value is done
