"""The binding's exceptions, and ours as theirs."""

from __future__ import annotations

import builtins

import pytest

import proctracker as pt
from proctracker.compat.gridengine import StatusCode
from proctracker.compat.gridengine import drmaa2_exceptions as errors


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (pt.InvalidArgumentException, errors.InvalidArgument),
        (pt.InvalidStateException, errors.InvalidState),
        (pt.InvalidSessionException, errors.InvalidSession),
        (pt.TimeoutException, errors.TimeoutError),
        (pt.UnsupportedOperationException, errors.UnsupportedOperation),
        (pt.UnsupportedAttributeException, errors.UnsupportedAttribute),
        (pt.OutOfResourceException, errors.ResourceNotAvailable),
        (pt.DrmCommunicationException, errors.DrmCommunicationError),
        (pt.JobFailedException, errors.ImplementationSpecificError),
    ],
)
def test_ours_become_theirs(ours: type[pt.Drmaa2Exception], theirs: type[errors.Drmaa2Exception]) -> None:
    with pytest.raises(theirs, match=r"^why$") as caught, errors.translated():
        raise ours("why")
    assert caught.value.error_code == ours.code
    assert type(caught.value) is theirs


def test_bases_and_codes() -> None:
    assert errors.Drmaa2Exception("x").error_code == StatusCode.UNSET_ERROR
    assert errors.Drmaa2Exception("x", 3).error_code == 3
    assert errors.AuthorizationError("x").error_code == StatusCode.AUTHORIZATION
    assert not issubclass(errors.TimeoutError, builtins.TimeoutError)
