"""What a start has made that was cut off."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from proctracker.model import JobState, Observation
from proctracker.runtimes.base import Engine
from proctracker.supervisor.running import remains
from supervising import Boxes, Desk, gone

MARK = "0123456789abcdef"
_MADE = Observation(JobState.QUEUED, labels={"proctracker.start": MARK})
_OTHER = Observation(JobState.QUEUED, labels={"proctracker.start": "00"})


@pytest.fixture
def start(tmp_path: Path) -> str:
    """The private directory of a start."""
    (tmp_path / "start").write_text(MARK)
    return str(tmp_path)


def _clear(desk: Desk, boxes: Boxes, start: str, told: str | None = None, cut: bool = True) -> list[str]:
    """Have it done; what is said of it arrives in the list."""
    said: list[str] = []
    clear = remains.Remains(desk.here.loop, desk.service.calls).clear
    clear(boxes, Engine(("boxes",)), start, told, cut, said.append)  # type: ignore[arg-type]
    return said


def test_what_carries_its_label_goes_and_nothing_else(desk: Desk, boxes: Boxes, start: str) -> None:
    boxes.says = {"made": _MADE, "other": _OTHER}
    said = _clear(desk, boxes, start)
    assert desk.until(lambda: said) == [""]
    assert [*boxes.says] == ["other"]


def test_what_appears_after_its_client_was_killed_goes_too(desk: Desk, boxes: Boxes, start: str) -> None:
    said = _clear(desk, boxes, start)
    desk.until(lambda: boxes.asked)
    assert not said
    boxes.says = {"made": _MADE}
    assert desk.until(lambda: said) == [""]
    assert boxes.says == {}


@pytest.mark.parametrize("cut", [True, False])
def test_what_its_engine_does_not_know_of_is_ended_and_deleted(desk: Desk, boxes: Boxes, start: str, cut: bool) -> None:
    held = Path(start, "held")
    held.mkdir()
    script = "sleep 600 & echo $!; wait"
    with (
        subprocess.Popen(["sh", "-c", script, f"{start}/pid"], stdout=subprocess.PIPE, text=True) as monitor,
        subprocess.Popen(["sh", "-c", "read x", "/elsewhere/pid"], stdin=subprocess.PIPE) as other,
    ):
        assert monitor.stdout is not None
        below = int(monitor.stdout.readline())
        said = _clear(desk, boxes, start, cut=cut)
        assert desk.until(lambda: said) == [""]
        assert (held.exists(), monitor.poll() is None, other.poll()) == (not cut, not cut, None)
        if not cut:
            os.kill(below, signal.SIGKILL)
        assert gone(below)


@pytest.mark.parametrize("told", [None, "box"])
def test_after_a_command_that_failed_by_itself_nothing_more_appears(
    desk: Desk, boxes: Boxes, start: str, told: str | None
) -> None:
    boxes.says = {"box": _OTHER}
    said = _clear(desk, boxes, start, told, cut=False)
    assert desk.until(lambda: said) == [""]
    assert boxes.asked == [("ours",), *([("remove", "box")] if told else [])]


def test_a_start_of_an_older_release_has_no_label(desk: Desk, boxes: Boxes, tmp_path: Path) -> None:
    boxes.says = {"box": Observation(JobState.QUEUED), "other": Observation(JobState.QUEUED)}
    said = _clear(desk, boxes, str(tmp_path), "box")
    assert desk.until(lambda: said) == [""]
    assert ([*boxes.says], boxes.verbs()) == (["other"], ["remove"])


def test_what_does_not_go_is_told_of(desk: Desk, boxes: Boxes, start: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remains, "PATIENCE", 0.2)
    boxes.says, boxes.stays = {"made": _MADE}, {"made": "it is busy"}
    said = _clear(desk, boxes, start)
    assert desk.until(lambda: said) == ["; what it has made may still be there: it is busy"]
    assert boxes.verbs().count("remove") > 1


@pytest.mark.parametrize("wakes", [True, False])
def test_an_engine_that_does_not_answer_is_asked_again(
    desk: Desk, boxes: Boxes, start: str, monkeypatch: pytest.MonkeyPatch, wakes: bool
) -> None:
    monkeypatch.setattr(remains, "PATIENCE", 600.0 if wakes else 0.2)
    boxes.says, boxes.down = {"made": _MADE}, "asleep"
    said = _clear(desk, boxes, start)
    desk.until(lambda: len(boxes.asked) > 2)
    boxes.down = None if wakes else "asleep"
    assert desk.until(lambda: said) == ["" if wakes else "; what it has made may still be there: asleep"]
    assert bool(boxes.says) != wakes
