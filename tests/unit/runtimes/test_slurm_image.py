"""Jobs in images on nodes."""

from __future__ import annotations

import pytest

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import JobTemplate
from proctracker.runtimes import slurm_image


def test_no_image_no_front():
    assert list(slurm_image.front(JobTemplate({"remote_command": "x"}), "/w", {})) == []


def test_an_image_is_apptainers():
    template = JobTemplate(
        {"remote_command": "x", "job_category": "docker://busybox", "working_directory": "/w",
         "implementation_specific": {"volumes": ["data:/data:ro", "./in:/in"], "entrypoint": "env"}}
    )  # fmt: skip
    assert list(slurm_image.front(template, "/w", {})) == [
        "apptainer", "exec", "--bind=data:/data:ro", "--bind=/w/in:/in", "--pwd=/w", "docker://busybox", "env"
    ]  # fmt: skip


def test_podman_where_it_is_named():
    """What comes in front of it, the name among that, only the node knows."""
    template = JobTemplate(
        {"remote_command": "x", "job_category": "busybox", "working_directory": "/w",
         "implementation_specific": {"volumes": ["./in:/in"], "entrypoint": ["env", "-i"]}}
    )  # fmt: skip
    options = {"engine": "podman"}
    assert list(slurm_image.front(template, "/w", options)) == [
        "--network=host", "--env-host", "--log-driver=none", "--volume=/w/in:/in", "--workdir=/w", "--entrypoint=env",
        "busybox", "-i",
    ]  # fmt: skip
    assert slurm_image.named(template, options) == "podman"
    assert slurm_image.named(template, {}) is slurm_image.named(JobTemplate({"remote_command": "x"}), options) is None


def test_an_engine_that_nobody_knows():
    with pytest.raises(InvalidArgumentException, match="apptainer or podman"):
        slurm_image.front(JobTemplate({"remote_command": "x"}), "/", {"engine": "podmann"})


@pytest.mark.parametrize("name", slurm_image.ONLY_IMAGES)
def test_what_is_for_images_wants_one(name):
    with pytest.raises(UnsupportedAttributeException, match=name):
        slurm_image.front(JobTemplate({"remote_command": "x", "implementation_specific": {name: "/a:/b"}}), "/", {})
