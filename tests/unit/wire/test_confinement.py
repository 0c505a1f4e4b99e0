"""Which supervisor a caller needs."""

from __future__ import annotations

import os
import pwd

import pytest

from proctracker.wire import confinement
from proctracker.wire.confinement import Description

_usual = confinement._usual


def _ordinary() -> Description:
    """An ordinary login."""
    return {
        "namespaces": {},
        "allocation": None,
        "service": None,
        "groups": [1000, 1000],
        "limits": {"NOFILE": 4096, "CPU": -1},
        "nice": 0,
        "best_nice": 0,
        "may": [],
        "cage": {},
        "lifetime": None,
        "unit": None,
        "delegated": False,
    }


@pytest.fixture(autouse=True)
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """A login of the user these descriptions are of gets these groups."""
    monkeypatch.setattr(confinement, "_usual", lambda groups: groups == _ordinary()["groups"])


def test_every_ordinary_login_is_main() -> None:
    assert confinement.key(_ordinary()) == confinement.MAIN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("namespaces", {"pid": 4026532000}),
        ("allocation", "SLURM_JOB_ID=7"),
        ("service", "jupyter.service"),
        ("cage", {"NoNewPrivs": "1"}),
        ("unit", "run-r7.scope"),
    ],
)
def test_whatever_confines_gives_a_key_of_its_own(name: str, value: object) -> None:
    other = _ordinary()
    other[name] = value  # type: ignore[literal-required]
    key = confinement.key(other)
    assert key != confinement.MAIN
    assert len(key) == 12
    assert int(key, 16) >= 0
    assert key == confinement.key(other)
    assert not confinement.ordinary(key)
    assert not confinement.ordinary(confinement.key(other, apart=True))
    assert not confinement.fits(_ordinary(), other)


def test_other_groups_than_a_logins() -> None:
    newgrp = _ordinary()
    newgrp["groups"] = [2000, 1000]
    assert confinement.key(newgrp) != confinement.MAIN
    assert not confinement.fits(_ordinary(), newgrp)


def test_a_logins_groups() -> None:
    user = pwd.getpwuid(os.geteuid())
    groups = [user.pw_gid, *os.getgrouplist(user.pw_name, user.pw_gid)]
    assert _usual(groups)
    assert not _usual([groups[0] + 1, *groups])
    assert not _usual([*groups, max(groups) + 1])


def test_two_allocations_have_two_supervisors() -> None:
    one, two = _ordinary(), _ordinary()
    one["allocation"], two["allocation"] = "SLURM_JOB_ID=7", "SLURM_JOB_ID=8"
    assert confinement.key(one) != confinement.key(two)


def test_a_higher_hard_limit_does_not_fit() -> None:
    caller = _ordinary()
    caller["limits"] = {"NOFILE": 8192}
    assert not confinement.fits(_ordinary(), caller)
    apart = confinement.key(caller, apart=True)
    assert apart.startswith("main-")
    assert confinement.ordinary(apart)
    caller["limits"] = {"NOFILE": 1024}
    assert confinement.fits(_ordinary(), caller)


def test_no_limit_is_above_every_limit() -> None:
    caller = _ordinary()
    caller["limits"] = {"NOFILE": -1}
    assert not confinement.fits(_ordinary(), caller)


def test_root_may_raise_limits() -> None:
    supervisor, caller = _ordinary(), _ordinary()
    supervisor["may"] = ["limits"]
    caller["limits"] = {"NOFILE": -1}
    assert confinement.fits(supervisor, caller)


def test_a_lower_nice_value_does_not_fit() -> None:
    caller = _ordinary()
    caller["nice"] = -5
    assert not confinement.fits(_ordinary(), caller)
    supervisor = _ordinary()
    supervisor["best_nice"] = -20
    assert confinement.fits(supervisor, caller)


def test_our_own_description_fits_itself() -> None:
    ours = confinement.describe()
    assert confinement.fits(ours, ours)
    assert confinement.key(ours) == confinement.key()


@pytest.mark.parametrize(
    ("environ", "cgroup", "expected"),
    [
        ({"SLURM_JOB_ID": "7"}, "0::/system.slice/slurmstepd.scope/job_7/step_0/user/task_0", "SLURM_JOB_ID=7"),
        ({"SLURM_JOB_ID": "7"}, "0::/system.slice/slurmstepd.scope/job_77/step_0", "SLURM_JOB_ID=7"),
        ({"SLURM_JOB_ID": "7"}, "5:memory:/slurm/uid_1000/job_7/step_batch", "SLURM_JOB_ID=7"),
        ({"SLURM_JOB_ID": "7"}, "0::/user.slice/user-1000.slice/session-3.scope", None),
        ({"PBS_JOBID": "42.head"}, "3:cpuset:/pbspro/42.head", "PBS_JOBID=42.head"),
        ({"LSB_JOBID": "9"}, "1:freezer:/lsf/cluster/job.9.123/x", "LSB_JOBID=9"),
        ({"JOB_ID": "5"}, "0::/system.slice/sge_execd.service", "JOB_ID=5"),
        ({"JOB_ID": "5", "PROCTRACKER_JOB": "h/5/1"}, "0::/sge/5.1", None),
        ({"JOB_ID": "hello"}, "0::/sge/hello", None),
        ({}, "0::/system.slice/slurmstepd.scope/job_7", None),
    ],
)
def test_an_allocation_is_believed_only_with_its_group(
    environ: dict[str, str], cgroup: str, expected: str | None
) -> None:
    assert confinement.allocation(environ, cgroup) == expected


@pytest.mark.parametrize(
    ("cgroup", "expected"),
    [
        ("0::/system.slice/jupyterhub.service", "jupyterhub.service"),
        ("0::/system.slice/cron.service", None),
        ("0::/system.slice/ssh.service", None),
        ("0::/user.slice/user-1000.slice/session-3.scope", None),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope", None),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/night.service", "night.service"),
        ("1:name=systemd:/system.slice/runner.service\n0::/", "runner.service"),
        ("0::/", None),
    ],
)
def test_a_service_confines_but_logins_do_not(cgroup: str, expected: str | None) -> None:
    assert confinement.service(cgroup) == expected


@pytest.mark.parametrize(
    ("supervisor", "caller", "fits"),
    [
        (None, None, True),
        (None, "user@1000.service", True),
        ("user@1000.service", "user@1000.service", True),
        ("user@1000.service", None, False),
        ("session-3.scope", "session-4.scope", False),
    ],
)
def test_a_supervisor_that_ends_earlier_than_a_caller_expects(
    supervisor: str | None, caller: str | None, fits: bool
) -> None:
    one, other = _ordinary(), _ordinary()
    one["lifetime"], other["lifetime"] = supervisor, caller
    assert confinement.fits(one, other) is fits
    assert (confinement.key(one, apart=True) == confinement.key(other, apart=True)) is (supervisor == caller)
    assert confinement.key(one) == confinement.MAIN


def test_a_caller_whose_jobs_could_have_groups_of_their_own_is_not_given_to_one_that_has_none() -> None:
    caller = _ordinary()
    caller["delegated"] = True
    assert not confinement.fits(_ordinary(), caller, confinement.MAIN)
    assert confinement.fits(_ordinary(), caller, confinement.key(caller, apart=True))
    assert confinement.fits(caller, _ordinary(), confinement.MAIN)


def test_clients_of_older_releases_tell_nothing_of_these() -> None:
    caller = _ordinary()
    for name in ("lifetime", "unit", "delegated"):
        del caller[name]  # type: ignore[misc]
    assert confinement.fits(_ordinary(), caller, confinement.MAIN)
