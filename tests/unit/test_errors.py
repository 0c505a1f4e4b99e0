"""The exceptions: what they are, that they pickle, and how they cross the supervisor's socket."""

from __future__ import annotations

import copy
import pickle

import pytest

from proctracker import errors
from proctracker.errors import Drmaa2Exception, JobFailedException
from proctracker.model import StatusCode

ALL = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Drmaa2Exception)]
KINDS = sorted(set(ALL), key=lambda each: each.__name__)


@pytest.mark.parametrize("kind", KINDS)
def test_every_exception_pickles(kind: type[Drmaa2Exception]) -> None:
    first = kind("no room in /tmp", 99)
    first.__notes__ = ["seen at noon"]
    for second in (pickle.loads(pickle.dumps(first)), copy.copy(first)):
        assert type(second) is kind
        assert str(second) == second.message == "no room in /tmp"
        assert second.error_code == 99
        assert second.__notes__ == ["seen at noon"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_is_the_c_bindings(kind: type[Drmaa2Exception]) -> None:
    assert kind("x").error_code == kind.code
    assert kind.code in set(StatusCode)
    assert kind().message == ""


def test_codes_follow_the_names() -> None:
    assert errors.TimeoutException.code == StatusCode.TIMEOUT
    assert errors.OutOfResourceException.code == StatusCode.OUT_OF_RESOURCE
    assert errors.UnsupportedOperationException.code == StatusCode.UNSUPPORTED_OPERATION


def test_pythons_own_kinds_catch_ours() -> None:
    assert issubclass(errors.TimeoutException, TimeoutError)
    assert issubclass(errors.InvalidArgumentException, ValueError)


def test_a_failed_job_carries_its_info() -> None:
    error = pickle.loads(pickle.dumps(JobFailedException("job 4 failed", info={"exit_status": 3})))
    assert error.info == {"exit_status": 3}
    assert error.error_code == StatusCode.IMPLEMENTATION_SPECIFIC


def test_grid_engines_names_are_the_same_classes() -> None:
    assert errors.DeniedByDrms is errors.DeniedByDrmsException
    assert errors.ResourceNotAvailable is errors.OutOfResourceException
    assert errors.InvalidState is errors.InvalidStateException


@pytest.mark.parametrize("kind", KINDS)
def test_the_wire_gives_back_kind_and_message(kind: type[Drmaa2Exception]) -> None:
    found = errors.from_wire(errors.to_wire(kind("müde \udcff")))
    assert type(found) is kind
    assert found.message == "müde \udcff"


@pytest.mark.parametrize("name", ["NoSuchException", "Any", "annotations", "to_wire"])
def test_what_nobody_knows_is_an_internal_error(name: str) -> None:
    found = errors.from_wire([name, "what"])
    assert type(found) is errors.InternalException
    assert found.message == f"{name}: what"
