"""Jobs for tests of the store, put in as a supervisor would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proctracker.model import JobRow, JobState
from proctracker.store import Store


def submit(store: Store, tasks: int = 0, context: str = "ctx", **columns: Any) -> list[JobRow]:
    """A job, or an array of so many tasks, committed; ``columns`` are those of the rows."""
    store.begin()
    num = store.allocate()
    if store.context(context) is None:
        store.add_context(context, f'{{"env": {{"NAME": "{context}"}}}}')
    spec = store.add_spec('{"name": "night"}', context)
    numbers = list(range(1, tasks + 1))
    rows = [JobRow(f"{num}_{task}", num, task, spec=spec, **columns) for task in numbers]
    if tasks:
        store.add_array(num, rows[0].session, spec, numbers, 0, None)
    else:
        rows = [JobRow(str(num), num, spec=spec, **columns)]
    store.add_jobs(rows)
    store.commit()
    return rows


def end(store: Store, row: JobRow, finished: float, **columns: Any) -> None:
    """Have a job end DONE at an epoch second."""
    changes = {"state": int(JobState.DONE), "finished": finished, **columns}
    for name, value in changes.items():
        setattr(row, name, value)
    store.update(row, list(changes))


def fill(folder: Path) -> Path:
    """Leave no room on a file system; returns the file to remove."""
    filler = folder / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(2**22))
    return filler
