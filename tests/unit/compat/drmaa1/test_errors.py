"""The binding's exceptions, by number and from ours."""

from __future__ import annotations

import pytest

import proctracker as pt
from proctracker.compat.drmaa1 import errors


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, errors.InternalException),
        (4, errors.InvalidArgumentException),
        (5, errors.NoActiveSessionException),
        (6, MemoryError),
        (13, AttributeError),
        (17, errors.DeniedByDrmException),
        (18, errors.InvalidJobException),
        (23, errors.ExitTimeoutException),
        (24, Exception),
        (25, StopIteration),
        (99, errors.DrmaaException),
    ],
)
def test_codes(code: int, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=f"^code {code}: why$"):
        errors.raise_code(code, "why")
    with pytest.raises(kind, match=f"^code {code}: why$"):
        errors.error_check(code)


def test_no_error() -> None:
    errors.error_check(0)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (pt.DrmCommunicationException("x"), errors.DrmCommunicationException),
        (pt.TryLaterException("x"), errors.TryLaterException),
        (pt.TimeoutException("x"), errors.ExitTimeoutException),
        (pt.InvalidArgumentException("x"), errors.InvalidArgumentException),
        (pt.UnsupportedAttributeException("x"), errors.DeniedByDrmException),
        (pt.OutOfResourceException("x"), errors.OutOfMemoryException),
        (pt.JobFailedException("x"), errors.InternalException),
    ],
)
def test_ours_become_theirs(ours: Exception, theirs: type[Exception]) -> None:
    with pytest.raises(theirs) as caught, errors.translated():
        raise ours
    assert caught.value.__cause__ is ours


def test_the_call_says_which() -> None:
    with pytest.raises(errors.HoldInconsistentStateException, match="code 21"), errors.translated(InvalidState=21):
        raise pt.InvalidStateException("x")
