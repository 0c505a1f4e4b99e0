"""Jobs in images on nodes."""

from __future__ import annotations

import pytest

from proctracker.errors import UnsupportedAttributeException
from proctracker.model import JobTemplate
from proctracker.runtimes import slurm_image


def test_no_image_no_front():
    assert list(slurm_image.front(JobTemplate({"remote_command": "x"}), "/w")) == []


def test_an_image_is_apptainers():
    template = JobTemplate(
        {"remote_command": "x", "job_category": "docker://busybox", "working_directory": "/w",
         "implementation_specific": {"volumes": ["data:/data:ro", "./in:/in"], "entrypoint": "env"}}
    )  # fmt: skip
    assert list(slurm_image.front(template, "/w")) == [
        "apptainer", "exec", "--bind=data:/data:ro", "--bind=/w/in:/in", "--pwd=/w", "docker://busybox", "env"
    ]  # fmt: skip


@pytest.mark.parametrize("name", slurm_image.ONLY_IMAGES)
def test_what_is_for_images_wants_one(name):
    with pytest.raises(UnsupportedAttributeException, match=name):
        slurm_image.front(JobTemplate({"remote_command": "x", "implementation_specific": {name: "/a:/b"}}), "/")
