"""What doctor tells of a scheduler."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker.cli.verbs import schedulerchecks
from proctracker.linux import netfs
from proctracker.model import Completed
from proctracker.runtimes import slurm
from proctracker.runtimes.base import Engine
from proctracker.runtimes.batch import Config
from proctracker.tracker.contacts import Target

TARGET = Target("slurm", slurm.RUNTIME, Engine(("sbatch",), {}, {}))


@pytest.mark.parametrize(
    ("accounting", "told"), [(True, "accounting"), (False, "no accounting, ended jobs are known for 10 s")]
)
def test_what_it_keeps(monkeypatch: pytest.MonkeyPatch, accounting: bool, told: str) -> None:
    monkeypatch.setattr(netfs, "file_system", lambda path: "nfs")
    found = schedulerchecks.described(
        TARGET, "22.05.8", Config(cluster="pt", min_job_age=10, accounting=accounting), "/home/me/state"
    )
    assert (found.name, found.grade) == ("tracker slurm", "ok")
    assert found.text == f"22.05.8, cluster pt; {told}; arrays up to 1000"


def test_a_home_that_nodes_may_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netfs, "file_system", lambda path: None)
    found = schedulerchecks.described(TARGET, "22.05.8", Config(), "/home/me/state")
    assert found.grade == "warn"
    assert "/home/me/state is on a local disk" in found.text
    assert "--probe" in (found.advice or "")


def test_how_it_is_asked() -> None:
    dialog: Any = schedulerchecks.config(slurm.RUNTIME, TARGET.engine)
    (argv,) = next(dialog)
    assert argv == ("scontrol", "show", "config")
    with pytest.raises(StopIteration) as answer:
        dialog.send([Completed(argv, 0, "ClusterName             = pt\nMinJobAge               = 10 sec\n", "")])
    assert (answer.value.value.cluster, answer.value.value.min_job_age) == ("pt", 10)
