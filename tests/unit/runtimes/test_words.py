"""What CLIs say, and what it means."""

from __future__ import annotations

import pytest

from proctracker.errors import (
    Drmaa2Exception,
    DrmCommunicationException,
    ImplementationSpecificException,
    InvalidArgumentException,
    InvalidStateException,
    UnsupportedOperationException,
)
from proctracker.model import Completed
from proctracker.runtimes import words

WARNING = 'time="2026-11-24T06:29:15Z" level=warning msg="\\"/\\" is not a shared mount with rootless containers"\n'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Error: nope:1: image not known\n", "nope:1: image not known"),
        (
            "docker: Error response from daemon: No command specified\n\nRun 'docker run --help' for more\n",
            "No command specified",
        ),
        ("Error: unknown flag: --x\nSee 'podman run --help'\n", "unknown flag: --x"),
        ("Unable to find image 'x' locally\ndocker: Error response from daemon: no route\n", "no route"),
        (f"{WARNING}Error: a\n", "a"),
        ('time="t" level=fatal msg="no such \\"x\\"\\nand more"\n', 'no such "x" and more'),
        ("", ""),
        (WARNING, ""),
    ],
)
def test_reason_is_the_last_error_in_one_line(text: str, reason: str) -> None:
    assert words.reason(text) == reason


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('Error: "exited" is not running, can\'t pause: container state improper', InvalidStateException),
        ('Error: no container with name or ID "x" found: no such container', InvalidStateException),
        ("Error response from daemon: Cannot kill container: x: Container y is not running", InvalidStateException),
        ("Error: can not pause containers on rootless containers with cgroup V1: this container does not have a cgroup",
         UnsupportedOperationException),
        ("Error: unpause is not supported for cgroupv1 rootless containers", UnsupportedOperationException),
        ("OCI runtime pause failed: cannot toggle freezer: cgroups not configured for container", UnsupportedOperationException),
        ("Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?", DrmCommunicationException),
        ("Error: unable to connect to Podman socket: dial unix /x: connect: no such file or directory", DrmCommunicationException),
        ("permission denied while trying to connect to the Docker daemon socket at unix:///x", DrmCommunicationException),
        ("Error: invalid signal: NOSUCH", InvalidArgumentException),
        ("Error: the moon is full", ImplementationSpecificException),
        (f"{WARNING}Error: the moon is full", ImplementationSpecificException),
    ],
)  # fmt: skip
def test_failed(text: str, kind: type[Drmaa2Exception]) -> None:
    error = words.failed(Completed(("podman", "x"), 125, "", text))
    assert type(error) is kind
    assert error.message.startswith("podman: ")


@pytest.mark.parametrize("code", [-1, -9, 127])
def test_a_call_cut_off_or_never_made_is_trouble_of_communication(code: int) -> None:
    error = words.failed(Completed(("podman", "x"), code, "", "timed out after 15 s"))
    assert type(error) is DrmCommunicationException
    assert error.message == "podman: timed out after 15 s"


def test_a_silent_failure_still_says_something() -> None:
    assert words.told(Completed(("podman", "x"), 3)) == "podman: ended with 3 and no word"


def test_expect() -> None:
    assert words.expect(Completed(("podman",), 0, "out", "a warning")) == "out"
    with pytest.raises(DrmCommunicationException, match="podman: no"):
        words.expect(Completed(("podman",), 1, "out", "Error: no"))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('exec: "echo": executable file not found in $PATH: unknown', 127),
        ('unable to start container process: exec: "/nope": stat /nope: no such file or directory: unknown', 127),
        ('exec: "/etc/passwd": permission denied: unknown', 126),
        ("exec /x: exec format error", 126),
        ("image not available", 125),
    ],
)
def test_start_status(text: str, status: int) -> None:
    assert words.start_status(text) == status


@pytest.mark.parametrize(
    ("text", "code", "status"),
    [
        # podman 4.3.1 returns 126, docker 20.10 127 for these
        ('Error: workdir "/etc/passwd" exists on container 7e9b, but is not a directory', 126, 125),
        ("Error: unable to find user nosuchuser: no matching entries in passwd file", 126, 125),
        ("Error: unable to find group nosuchgroup: no matching entries in group file", 126, 125),
        ("Error: setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=all", 126, 125),
        (
            "Error: runc: runc create failed: unable to start container process: error during container init: error setting rlimits"
            " for ready process: error setting rlimit type 7: operation not permitted: OCI permission denied",
            126,
            125,
        ),
        (
            'docker: Error response from daemon: failed to create shim task: OCI runtime create failed: error mounting "/tmp" to rootfs'
            ' at "/etc/passwd": not a directory: unknown: Are you trying to mount a directory onto a file',
            127,
            125,
        ),
        ('ctr: exec: "nvidia-container-cli": executable file not found in $PATH', 1, 125),
        ("permission denied while trying to connect to the Docker daemon socket", 1, 125),
        ("Error: crun: executable file `mount` not found in $PATH: No such file or directory", 127, 127),
        ('Error: runc create failed: exec: "mount": executable file not found in $PATH', 127, 127),
        ("Error: crun: open executable: Permission denied: OCI permission denied", 126, 126),
        ("Error: youki: no idea: OCI runtime attempted to invoke a command that was not found", 127, 127),
        ("Error: something new", 126, 126),
        ("Error: something new", 1, 125),
    ],
)
def test_a_refusal_of_the_engines_is_125(text: str, code: int, status: int) -> None:
    assert words.start_status(text, code) == status


@pytest.mark.parametrize(("text", "warning"), [
    ("Trying to pull x...\nWARNING: image platform (arm64) does not match\n4f1d\n", "WARNING: image platform (arm64) does not match"),
    ('time="t" level=warning msg="the \\"cgroup\\" manager"\ntime="t" level=info msg="no"\n', 'the "cgroup" manager'),
    ("WARN[0000] one\nWARN[0000] one\nwarning: two\n", "WARN[0000] one; warning: two"),
    ("a warning in the middle\nError: x\nwarned\n", ""),
    ("", ""),
])  # fmt: skip
def test_a_warning(text: str, warning: str) -> None:
    assert words.warning(text) == warning


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("ctr: failed to create shim task: OCI runtime create failed: runc create failed: exec: no such file", True),
        ('ctr: snapshot "proctracker-1": already exists', False),
        ('ctr: image "localhost/none:1": not found', False),
    ],
)
def test_what_was_made_though_it_has_no_process(text: str, made: bool) -> None:
    assert words.made(text) is made
