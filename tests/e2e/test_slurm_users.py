"""Ordinary users of a cluster, whose daemons are root's: what they may, and what they cannot do to each other."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from engines import remove, short_folder
from people import ANN, THIEF, People
from slurm import Cluster, missing


@pytest.fixture
def cluster(request: pytest.FixtureRequest, people: People) -> Iterator[Cluster]:
    """One whose nodes know these users."""
    why = missing()
    if why and request.config.getoption("--no-runtime-skip"):
        pytest.fail(f"slurm: {why}", pytrace=False)
    if why:
        pytest.skip(why)
    made = Cluster(short_folder(), within=people.within)
    try:
        yield made.start()
    finally:
        made.stop()
        remove(made.folder)


def test_an_ordinary_user(cluster: Cluster, people: People) -> None:
    def cli(uid: int, *words: str) -> tuple[int, str]:
        done = people.cli(uid, *words, PROCTRACKER_CONTACT="slurm", **cluster.environ)
        return done.returncode, done.stdout

    assert cli(ANN, "run", "--", "sh", "-c", "id -u; echo $HOME; exit 3") == (3, f"{ANN}\n{people.home(ANN)}\n")
    _, array = cli(ANN, "array", "1-3", "--", "sh", "-c", "exit $TASK_ID")
    assert [cli(ANN, "wait", f"{array.strip()}_{task}")[0] for task in (1, 2, 3)] == [1, 2, 3]
    _, held = cli(ANN, "submit", "--hold", "--", "true")
    assert cli(ANN, "release", held.strip())[0] == 0
    assert cli(ANN, "wait", held.strip())[0] == 0
    _, long = cli(ANN, "submit", "--", "sleep", "100")
    assert cli(ANN, "wait", "--started", long.strip())[0] == 0
    # 22.05 and 24.11 leave suspending to operators: its processes are stopped then.
    assert cli(ANN, "suspend", long.strip())[0] == 0
    [found] = json.loads(cli(ANN, "info", "--json", long.strip())[1])
    assert (found["job_state"], found["job_sub_state"]) in (("SUSPENDED", "stopped"), ("SUSPENDED", "suspended"))
    assert cli(ANN, "resume", long.strip())[0] == 0

    number = found["scheduler_id"]
    assert people.run(THIEF, "scancel", number, **cluster.environ).returncode != 0
    assert number not in cli(THIEF, "ps", "-a", "--json")[1]
    assert people.run(THIEF, "ls", f"{people.home(ANN)}/.local/state/proctracker").returncode != 0
    assert cli(ANN, "terminate", long.strip())[0] == 0
    assert cli(ANN, "wait", long.strip())[0] == 128 + 15
