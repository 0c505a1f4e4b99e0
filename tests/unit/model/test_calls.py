"""What a call gave back."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from proctracker.model import Completed


def test_a_finished_call_is_data() -> None:
    call = Completed(("podman", "ps"), -9)
    assert (call.stdout, call.stderr) == ("", "")
    assert pickle.loads(pickle.dumps(call)) == call
    with pytest.raises(dataclasses.FrozenInstanceError):
        call.returncode = 0  # type: ignore[misc]
