"""Options that a start sets itself."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker import runtimes
from proctracker.errors import InvalidArgumentException
from proctracker.model import JobTemplate
from proctracker.runtimes.base import Engine

DOCKER_LIKE = ("podman", "docker", "nerdctl")

REFUSED: list[tuple[tuple[str, ...], Any, str]] = [
    (DOCKER_LIKE, "--rm", "use rm"),
    (DOCKER_LIKE, ["--rm=false"], "use rm"),
    (DOCKER_LIKE, ["--init", "--name", "mine"], "job_name"),
    (DOCKER_LIKE, ["--name=mine"], "job_name"),
    (DOCKER_LIKE, ["--label", "proctracker.job=9"], "whose"),
    (DOCKER_LIKE, ["--label=proctracker.home=9"], "whose"),
    (DOCKER_LIKE, ["-l", "proctracker.job=9"], "whose"),
    (DOCKER_LIKE, ["-lproctracker.job=9"], "whose"),
    (DOCKER_LIKE, ["--label-file", "/x"], "--label"),
    (DOCKER_LIKE, ["--cidfile=/x"], "info"),
    (DOCKER_LIKE, ["-d"], "submit"),
    (DOCKER_LIKE, ["--detach"], "submit"),
    (DOCKER_LIKE, ["-itd"], "input_path"),
    (DOCKER_LIKE, ["-td"], "submit"),
    (DOCKER_LIKE, ["-a", "stdout"], "output_path"),
    (DOCKER_LIKE, ["--sig-proxy"], "submit"),
    (("podman", "nerdctl"), ["--log-driver", "none"], "output_path"),
    (("podman", "nerdctl"), ["--log-opt=path=/x"], "output_path"),
    (("podman", "nerdctl"), ["--pidfile=/x"], "info"),
    (("podman",), ["--replace"], "job_name"),
    (("podman",), ["--rmi"], "use rm"),
    (("nerdctl",), ["--restart=always"], "retries"),
    (("ctr",), ["--rm"], "use rm"),
    (("ctr",), ["-rm"], "use rm"),
    (("ctr",), ["-d"], "submit"),
    (("ctr",), ["--null-io"], "output_path"),
    (("ctr",), ["--log-uri", "file:///x"], "output_path"),
    (("ctr",), ["-pid-file=/x"], "info"),
    (("ctr",), ["--env-file", "/x"], "job_environment"),
    (("ctr",), ["--label", "proctracker.job=9"], "whose"),
]


def _check(runtime: str, options: Any) -> None:
    template = JobTemplate(job_category="image", args=["x"], implementation_specific={"options": options})
    runtimes.get(runtime).check(template, Engine((runtime,)))


@pytest.mark.parametrize(
    ("runtime", "options", "way"),
    [(runtime, options, way) for names, options, way in REFUSED for runtime in names],
)
def test_what_a_start_sets_itself_is_refused(runtime: str, options: Any, way: str) -> None:
    with pytest.raises(InvalidArgumentException, match="proctracker sets this itself") as caught:
        _check(runtime, options)
    assert way in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("options", [
    ["--read-only", "--cap-drop=all"], ["--label", "a=proctracker.b"], ["-la=b"], ["-l", "a=b"], ["--device", "/dev/kfd"],
    ["-v/data:/data"], ["-eNAME=d"], ["--rmx"], ["-t"], ["-u1000:1000"], ["--security-opt=label=disable"], ["-p80:80"], [],
])  # fmt: skip
@pytest.mark.parametrize("runtime", DOCKER_LIKE)
def test_all_else_passes(runtime: str, options: list[str]) -> None:
    _check(runtime, options)


@pytest.mark.parametrize("options", [["--cni"], ["--label", "a=b"], ["--privileged"], ["--snapshotter=native"]])
def test_all_else_passes_to_ctr(options: list[str]) -> None:
    _check("ctr", options)
