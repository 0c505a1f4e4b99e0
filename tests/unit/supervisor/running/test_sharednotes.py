"""What hosts tell each other of a scheduler's jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from proctracker.model import JobRow, JobState, Observation
from proctracker.supervisor.running.sharednotes import SharedNotes

ROW = JobRow("1_2", 1, 2, attempt=3)
END = Observation(JobState.FAILED, "cancelled", 3, annotation="by hand", started=1.0, finished=2.5, cpu_time=0.25)


def test_the_first_word_on_an_end_counts(tmp_path: Path) -> None:
    notes = SharedNotes(str(tmp_path))
    assert notes.end(ROW) is None
    notes.put_end(ROW, END)
    notes.put_end(ROW, Observation(JobState.DONE, exit_status=0))
    assert notes.end(ROW) == END
    assert notes.end(JobRow("1_2", 1, 2, attempt=4)) is None


def test_who_was_told_to_end(tmp_path: Path) -> None:
    notes = SharedNotes(str(tmp_path))
    assert not notes.told_to_end(ROW)
    notes.tell_to_end(ROW)
    notes.tell_to_end(ROW)
    assert notes.told_to_end(ROW)


def test_nothing_is_left(tmp_path: Path) -> None:
    notes = SharedNotes(str(tmp_path))
    notes.tell_to_end(ROW)
    notes.put_end(ROW, END)
    notes.drop(ROW)
    assert [*tmp_path.iterdir()] == []
    notes.drop(ROW)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"state": "NEVER"}', '{"state": 3}'])
def test_nonsense_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / ".end-1_2.3").write_text(text)
    assert SharedNotes(str(tmp_path)).end(ROW) is None


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    notes = SharedNotes(str(tmp_path / "gone"))
    notes.put_end(ROW, END)
    assert notes.end(ROW) is None
    with pytest.raises(OSError, match="gone"):
        notes.tell_to_end(ROW)
