"""What ``doctor`` says of each tracker."""

from __future__ import annotations

import pytest

from proctracker.cli.verbs.trackerchecks import _advice, trackers
from proctracker.errors import DrmCommunicationException, InvalidArgumentException


class Access:
    """As much of a command's access as the checks meet."""

    default_contact = "mine"

    def contacts(self) -> list[str]:
        return ["process", "none", "wrong", "down"]

    def command_of(self, contact: str) -> tuple[str, ...]:
        if contact == "wrong":
            raise InvalidArgumentException("trackers: wrong: no runtime 'x'")
        return {"none": ("no-such-command",), "down": ("true",), "mine": ()}[contact]

    def version_of(self, contact: str) -> str:
        raise DrmCommunicationException("it does not answer")


def test_each_is_looked_at_whatever_is_wrong_with_another() -> None:
    found = {check.name: check for check in trackers(Access())}  # type: ignore[arg-type]
    grades = {name: check.grade for name, check in found.items()}
    assert grades == {
        "tracker process": "ok",
        "tracker none": "absent",
        "tracker wrong": "fails",
        "tracker down": "fails",
        "tracker mine": "ok",
    }
    assert (found["tracker down"].text, found["tracker wrong"].text[:16]) == ("it does not answer", "trackers: wrong:")


@pytest.mark.parametrize(("contact", "word"), [("podman", "podman info"), ("docker", "docker"), ("ctr", "containerd")])
def test_advice(contact: str, word: str) -> None:
    assert word in _advice(contact, "it does not answer")
