"""Who has a scheduler, and that one has all of what is asked of one."""

from __future__ import annotations

import inspect

import pytest

from proctracker import runtimes
from proctracker.runtimes import batch


@pytest.mark.parametrize("name", ["process", "podman", "docker", "nerdctl", "ctr", "apptainer"])
def test_none_where_jobs_run_here(name):
    assert runtimes.get(name).batch is None


def test_protocol_says_every_member_in_one_clause():
    members = [one for name, one in inspect.getmembers(batch.Batch, inspect.isfunction) if not name.startswith("_")]
    assert len(members) > 10
    assert all(inspect.getdoc(each) for each in members)


def test_config_of_nothing_is_slurms_own_defaults():
    assert batch.Config().min_job_age == 300 and not batch.Config().accounting
