"""The stand-in for nerdctl says what was recorded: the same codes, words and shapes, of its own containers."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest

import engines
from replay import recordings

RUN = ("run", "--detach", "--network=host")
SLEEPER = (engines.image.NAME, "sleep", "1000")
_ODD = re.compile(r'time="[^"]*"|\b[0-9a-f]{64}\b|proctracker-recorded-\w+|<unknown>|\S*-replay|\S*\.sock')

CASES: dict[str, tuple[str, ...]] = {
    "start-noimage": (*RUN, "--pull=never", "localhost/none:1"),
    "start-badoption": (*RUN, "--no-such-option", *SLEEPER),
    "start-clash": (*RUN, "--name=proctracker-recorded-running", *SLEEPER),
    "start-nocommand": (*RUN, "--name=proctracker-recorded-nocommand", engines.image.NAME, "/no/such"),
    "start-notexecutable": (*RUN, engines.image.NAME, "/etc/notexec"),
    "pause": ("pause", "proctracker-recorded-paused"),
    "pause-paused": ("pause", "proctracker-recorded-paused"),
    "unpause": ("unpause", "proctracker-recorded-paused"),
    "pause-ended": ("pause", "proctracker-recorded-done"),
    "pause-unknown": ("pause", "proctracker-recorded-unknown"),
    "unpause-running": ("unpause", "proctracker-recorded-running"),
    "kill": ("kill", "--signal=SIGKILL", "proctracker-recorded-killed"),
    "kill-ended": ("kill", "--signal=SIGTERM", "proctracker-recorded-done"),
    "kill-unknown": ("kill", "--signal=SIGTERM", "proctracker-recorded-unknown"),
    "look-unknown": ("container", "inspect", "proctracker-recorded-unknown"),
    "ours-none": ("ps", "--all", "--no-trunc", "--format", "json", "--filter=label=proctracker.home=another"),
    "remove-running": ("rm", "--volumes", "proctracker-recorded-running"),
    "remove-unknown": ("rm", "--volumes", "--force", "proctracker-recorded-unknown"),
    "remove": ("rm", "--volumes", "proctracker-recorded-done", "proctracker-recorded-failed", "proctracker-recorded-unknown"),
    "categories": ("images", "--format", "{{.Repository}}:{{.Tag}}"),
    "has-image": ("image", "inspect", "--format", "{{.ID}}", engines.image.NAME),
    "has-no-image": ("image", "inspect", "--format", "{{.ID}}", "localhost/none:1"),
    "version": ("version", "--format", "{{.Client.Version}}, server {{(index .Server.Components 0).Version}}"),
}  # fmt: skip
"""A recorded case -> the call that makes the stand-in say the same, in an order in which it can."""


@pytest.fixture(scope="module")
def stand_in() -> Iterator[engines.Engine]:
    """The stand-in, with the containers of the recordings."""
    made = engines.ReplayedNerdctl()
    why = made.missing()
    if why:
        pytest.skip(why)
    made.up()
    try:
        for name in ("running", "paused", "killed"):
            made.cli(*RUN, f"--name=proctracker-recorded-{name}", *SLEEPER)
        for name, code in (("done", 0), ("failed", 5)):
            with pytest.raises(engines.Refused) if code else nullcontext():
                made.cli("run", f"--name=proctracker-recorded-{name}", engines.image.NAME, "sh", "-c", f"exit {code}")
        yield made
    finally:
        made.down()


def _said(engine: engines.Engine, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [*engine.command, *words], env={**os.environ, **engine.environ}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def _alike(text: str) -> str:
    """A text without what differs from container to container, and without what runc 1.3 says besides."""
    return _ODD.sub("*", text).replace("error during container init: ", "")


def _shape(value: Any) -> Any:
    """Keys and kinds of what was printed; labels are the container's own."""
    if isinstance(value, dict):
        return {key: _shape(each) for key, each in value.items() if key not in ("Labels", "Args", "Env", "Networks")}
    return type(value).__name__


@pytest.mark.parametrize("word", ["running", "done"])
def test_it_describes_a_container_as_recorded(stand_in: engines.Engine, word: str) -> None:
    [found] = json.loads(stand_in.cli("container", "inspect", f"proctracker-recorded-{word}"))
    recorded = recordings.container(f"look-{word}")
    assert _shape(found) == _shape(recorded)
    assert found["State"]["Status"] == recorded["State"]["Status"]
    rows = map(json.loads, stand_in.cli("ps", "--all", "--no-trunc", "--format", "json").splitlines())
    [row] = [each for each in rows if each["Names"] == found["Name"]]
    assert _shape(row) == _shape(recordings.line("Up" if word == "running" else "Exited"))


def test_in_the_old_shapes_each_known_one_is_an_array(stand_in: engines.Engine) -> None:
    made = engines.OldNerdctl().up()
    try:
        for name in ("a", "b"):
            made.cli(*RUN, f"--name={name}", *SLEEPER)
        code, out, _ = _said(made, "container", "inspect", "a", "unknown", "b")
    finally:
        made.down()
    first, second = out.strip().split("]\n[")
    assert code == 1
    assert '"Name": "a"' in first and '"Name": "b"' in second
    assert "StartedAt" not in out and '"FinishedAt": "0001-01-01T00:00:00Z"' in out


@pytest.mark.parametrize("case", CASES)
def test_it_says_what_was_recorded(stand_in: engines.Engine, case: str) -> None:
    with open(os.path.join(recordings.FOLDER, f"{case}.json"), encoding="ascii") as file:
        recorded = json.load(file)[0]
    code, out, err = _said(stand_in, *CASES[case])
    assert (code, _alike(out), _alike(err)) == (
        recorded["returncode"], _alike(recorded["stdout"]), _alike(recorded["stderr"])
    )  # fmt: skip
