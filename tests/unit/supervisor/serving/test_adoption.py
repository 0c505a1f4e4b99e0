"""Containers whose jobs the store does not know become jobs again."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from proctracker.model import JobRow, JobState
from proctracker.store import Home, Store
from proctracker.supervisor.running.identity import described
from proctracker.supervisor.serving.adoption import Adoption, told


class Around:
    """What adoption uses; jobs that it takes in are written down."""

    boot, key = "boot", "main"

    def __init__(self, path: str) -> None:
        self.home = Home(path)
        self.home.prepare()
        self.store = Store(self.home)
        self.found: list[str] = []
        self.specs: dict[str, dict] = {}
        self.ledger = SimpleNamespace(accept=self._accept)
        queue = SimpleNamespace(take=lambda job: None)
        looks = SimpleNamespace(find=lambda job: self.found.append(job.row.id))
        self.adopt = Adoption(self, self, queue, looks).adopt  # type: ignore[arg-type]

    def _accept(self, write):
        self.store.begin()
        write(self.store)
        self.store.commit()

    def load(self, row, specs):
        assert row.spec in specs
        self.specs[row.id] = json.loads(specs[row.spec][0])
        return SimpleNamespace(row=row)


@pytest.fixture
def around(tmp_path):
    made = Around(str(tmp_path))
    yield made
    made.store.close()


def container(job: str, attempt: int = 1, session: str = "night") -> dict:
    array, _, index = job.partition("_")
    labels = {"proctracker.job": job, "proctracker.session": session, "proctracker.attempt": str(attempt)}
    if index:
        labels.update({"proctracker.array": array, "proctracker.index": index})
    spec = {"runtime": "podman", "template": {"args": ["sh"], "job_category": "i"}}
    return {"name": f"p-{job}-{attempt}", "labels": labels, "container_id": "c", "started": 5.0, "spec": spec}


def test_each_is_a_job_that_is_looked_at(around):
    assert around.adopt("podman", [container("7"), container("8_1"), container("8_3")]) == ["7", "8_1", "8_3"]
    assert around.found == ["7", "8_1", "8_3"]
    (row,) = around.store.jobs(["8_3"])
    assert (row.num, row.task, row.session, row.contact, row.state) == (8, 3, "night", "podman", int(JobState.QUEUED))
    assert (row.container, row.command, row.category, row.submitted) == ("p-8_3-1", '["sh"]', "i", 5.0)
    assert around.store.array(8).indices == [1, 3]
    assert around.store.session("night") == ("podman", -1)


def test_what_is_known_stays_as_it_is(around):
    around.adopt("podman", [container("7")])
    assert around.adopt("podman", [container("7", 2), container("9")]) == ["9"]
    assert around.store.jobs(["7"])[0].attempt == 1


def test_what_is_sent_again_is_answered_as_before(around):
    assert around.adopt("podman", [container("7"), container("9")], "t") == ["7", "9"]
    assert around.adopt("podman", [container("7"), container("9")], "t") == ["7", "9"]
    assert around.adopt("podman", [container("7"), container("9")], "u") == []


def test_of_several_attempts_the_last_counts(around):
    around.adopt("podman", [container("7", 2), container("7", 1)])
    assert around.store.jobs(["7"])[0].container == "p-7-2"


def foreign(job: str, **more: str) -> dict:
    found = container(job)
    found["labels"].update({"proctracker.home": "another", **more})
    found["name"] = f"other-{job}"
    return found


def test_a_number_that_is_in_use_is_replaced(around):
    around.adopt("podman", [container("7"), container("8_1")])
    ids = around.adopt("podman", [foreign("7"), foreign("8_2"), foreign("8_3"), foreign("9")])
    new, second, third, kept = ids
    assert kept == "9"
    assert (second.split("_")[0], second.split("_")[1], third) == (
        third.split("_")[0],
        "2",
        f"{second.split('_')[0]}_3",
    )
    assert len({"7", "8", "9", new, second.split("_")[0]}) == 5
    assert around.store.array(int(second.split("_")[0])).indices == [2, 3]
    assert around.store.jobs([new])[0].container == "other-7"
    marks = around.specs[new]["marks"]
    assert marks == {"proctracker.home": "another", "proctracker.job": "7", "proctracker.attempt": "1"}
    assert around.adopt("podman", [foreign("7"), foreign("9")]) == []


def test_what_the_labels_tell_is_known(around):
    row = JobRow("7", 7, name="my, job=\u00e9\n", workdir="/w d", output="/o%j", error="\udcff")
    around.adopt("podman", [{**container("7"), "labels": {**container("7")["labels"], **described(row, True)}}])
    (found,) = around.store.jobs(["7"])
    assert (found.name, found.workdir, found.output, found.error) == (row.name, row.workdir, row.output, row.error)
    assert (found.input, told(described(row, True))["join"]) == (None, "1")


def test_numbers_of_what_was_taken_in_are_not_given_out(around):
    around.store.begin()
    assert around.store.allocate(1) == 1
    around.store.commit()
    around.adopt("podman", [container("3"), container("40"), container("2500")])
    around.store.begin()
    given = {around.store.allocate(1) for _ in range(2000)}
    around.store.commit()
    assert not given & {1, 3, 40, *range(2000, 3000)}
