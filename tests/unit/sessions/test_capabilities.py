"""What is supported is what is not refused."""

from __future__ import annotations

import os
from typing import Any

import pytest

from proctracker import runtimes
from proctracker.config import Config
from proctracker.errors import DrmCommunicationException, UnsupportedAttributeException
from proctracker.model import DrmaaCapability, JobTemplate
from proctracker.sessions import capabilities
from proctracker.tracker import contacts, submission

VALUES: dict[str, Any] = {
    "email": ["a@b"],
    "email_on_started": True,
    "email_on_terminated": True,
    "stage_in_files": {"a": "b"},
    "stage_out_files": {"a": "b"},
    "deadline_time": "+1h",
    "max_slots": 2,
    "accounting_id": "x",
}


@pytest.mark.parametrize("name", runtimes.names())
def test_it_tells_the_truth(name: str) -> None:
    target = contacts.resolve(name, Config(), os.environ)
    for capability, attributes in capabilities._ATTRIBUTES.items():
        for attribute in attributes:
            template = JobTemplate({"remote_command": "x", attribute: VALUES[attribute]})
            if attribute.startswith("email_"):
                template.email = VALUES["email"]
            if target.runtime.containers or name == "apptainer":
                template.job_category = "i"
            refused = False
            try:
                submission.prepare(template, target, Config(), environ=os.environ, cwd="/")
            except UnsupportedAttributeException:
                refused = True
            except DrmCommunicationException:
                continue  # its CLI is not here: it was refused for that alone
            assert capabilities.supports(capability, target.runtime) is not refused, (name, attribute)


def test_the_others() -> None:
    process = runtimes.get("process")
    there = {each for each in DrmaaCapability if capabilities.supports(each, process)}
    assert there == {DrmaaCapability.CALLBACK, DrmaaCapability.BULK_JOBS_MAXPARALLEL, DrmaaCapability.JT_DEADLINE}
    slurm = runtimes.get("slurm")
    more = {each for each in DrmaaCapability if capabilities.supports(each, slurm)} - there
    assert more == {DrmaaCapability.JT_EMAIL, DrmaaCapability.JT_MAXSLOTS, DrmaaCapability.JT_ACCOUNTINGID}
