"""Containers whose jobs the store does not know become jobs again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from proctracker.model import JobState
from proctracker.store import Home, Store
from proctracker.supervisor import resumption
from proctracker.supervisor.adoption import adopt


class Core:
    """As much of the supervisor as adoption meets."""

    boot, key = "boot", "main"

    def __init__(self, path: str) -> None:
        self.home = Home(path)
        self.home.prepare()
        self.store = Store(self.home)
        self.found: list[str] = []
        self.ledger = SimpleNamespace(accept=self._accept)
        self.queue = SimpleNamespace(take=lambda job: None)

    def _accept(self, write):
        self.store.begin()
        write(self.store)
        self.store.commit()

    def load(self, row, specs):
        assert row.spec in specs
        return SimpleNamespace(row=row)


@pytest.fixture
def core(tmp_path, monkeypatch):
    made = Core(str(tmp_path))
    monkeypatch.setattr(resumption, "find", lambda core, job: core.found.append(job.row.id))
    yield made
    made.store.close()


def container(job: str, attempt: int = 1, session: str = "night") -> dict:
    array, _, index = job.partition("_")
    labels = {"proctracker.job": job, "proctracker.session": session, "proctracker.attempt": str(attempt)}
    if index:
        labels.update({"proctracker.array": array, "proctracker.index": index})
    spec = {"runtime": "podman", "template": {"args": ["sh"], "job_category": "i"}}
    return {"name": f"p-{job}-{attempt}", "labels": labels, "container_id": "c", "started": 5.0, "spec": spec}


def test_each_is_a_job_that_is_looked_at(core):
    assert adopt(core, "podman", [container("7"), container("8_1"), container("8_3")]) == ["7", "8_1", "8_3"]
    assert core.found == ["7", "8_1", "8_3"]
    (row,) = core.store.jobs(["8_3"])
    assert (row.num, row.task, row.session, row.contact, row.state) == (8, 3, "night", "podman", int(JobState.QUEUED))
    assert (row.container, row.command, row.category, row.submitted) == ("p-8_3-1", '["sh"]', "i", 5.0)
    assert core.store.array(8).indices == [1, 3]
    assert core.store.session("night") == ("podman", -1)


def test_what_is_known_stays_as_it_is(core):
    adopt(core, "podman", [container("7")])
    assert adopt(core, "podman", [container("7", 2), container("9")]) == ["9"]
    assert core.store.jobs(["7"])[0].attempt == 1


def test_of_several_attempts_the_last_counts(core):
    adopt(core, "podman", [container("7", 2), container("7", 1)])
    assert core.store.jobs(["7"])[0].container == "p-7-2"
