"""What ``doctor`` says of each tracker."""

from __future__ import annotations

import pytest

from proctracker.cli import engines
from proctracker.cli.verbs.trackerchecks import _advice, trackers
from proctracker.config import Config
from proctracker.errors import DrmCommunicationException, InvalidArgumentException
from proctracker.runtimes.base import Engine
from proctracker.tracker.contacts import Target

COMMANDS = {"process": (), "none": ("no-such-command",), "down": ("/bin/true",), "up": ("/bin/echo",), "mine": ()}


class Runtime:
    """An engine's."""

    batch = None

    def version(self, engine: Engine) -> None:
        """Nobody carries it through."""


class Access:
    """As much of a command's access as the checks meet."""

    default_contact = "mine"
    config = Config()

    class call:
        """What was typed."""

        contact = None

    def contacts(self) -> list[str]:
        return ["process", "none", "wrong", "down", "up"]

    def target(self, contact: str) -> Target:
        if contact == "wrong":
            raise InvalidArgumentException("trackers: wrong: no runtime 'x'")
        return Target(contact, Runtime(), Engine(COMMANDS[contact]))  # type: ignore[arg-type]


def test_each_is_looked_at_whatever_is_wrong_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    down = DrmCommunicationException("it does not answer")
    answers = {COMMANDS["down"]: down, COMMANDS["up"]: "4.3.1"}
    monkeypatch.setattr(engines, "converse_all", lambda pairs: [answers[pairs[0][0].engine.command]])
    found = {check.name: check for check in trackers(Access())}  # type: ignore[arg-type]
    assert {name: check.grade for name, check in found.items()} == {
        "tracker process": "ok",
        "tracker none": "absent",
        "tracker wrong": "fails",
        "tracker down": "fails",
        "tracker up": "ok",
        "tracker mine": "ok",
    }
    assert (found["tracker down"].text, found["tracker wrong"].text[:16]) == ("it does not answer", "trackers: wrong:")
    assert found["tracker up"].text == "4.3.1"


@pytest.mark.parametrize(("contact", "word"), [("podman", "podman info"), ("docker", "docker"), ("ctr", "containerd")])
def test_advice(contact: str, word: str) -> None:
    assert word in _advice(contact, "it does not answer")


@pytest.mark.parametrize(
    ("contact", "words"),
    [
        ("slurm?partition=x", "try: scontrol ping"),
        ("podman", "try: podman info"),
        ("apptainer", "try: apptainer version"),
    ],
)
def test_advice_names_no_daemon_that_a_runtime_has_not(contact: str, words: str) -> None:
    assert _advice(contact, "it does not answer") == words
