"""Attributes and extensions as flags."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import JobTemplate
from proctracker.runtimes import flags


def words(**extensions: Any) -> list[str]:
    """The flags of these extensions."""
    template = JobTemplate(implementation_specific=extensions)
    return flags.extension_words(template, flags.FLAGS, flags.READERS, "/base")


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ({"user": "1000:100"}, ["--user=1000:100"]),
        ({"user": 1000}, ["--user=1000"]),
        ({"exposedPorts": "8080:80,127.0.0.1:53:53/udp"}, ["--publish=8080:80", "--publish=127.0.0.1:53:53/udp"]),
        ({"exposed_ports": ["[::1]:1:2", ":80"]}, ["--publish=[::1]:1:2", "--publish=:80"]),
        ({"privileged": True}, ["--privileged"]),
        ({"privileged": "TRUE"}, ["--privileged"]),
        ({"privileged": "false"}, []),
        ({"restart": "on-failure:3"}, ["--restart=on-failure:3"]),
        ({"restart": "unless-stopped"}, ["--restart=unless-stopped"]),
        ({"ipc": "host", "uts": "host", "pid": "host"}, ["--ipc=host", "--uts=host", "--pid=host"]),
        ({"network": "none"}, ["--network=none"]),
        ({"volumes": ["/a:/b:ro,Z", "data:/d"]}, ["--volume=/a:/b:ro,Z", "--volume=data:/d"]),
        ({"volumes": "./x/../y:/b"}, ["--volume=/base/y:/b"]),
        ({"devices": ["/dev/a", "/dev/b:/dev/c"]}, ["--device=/dev/a", "--device=/dev/b:/dev/c"]),
        ({"gpus": "all"}, ["--gpus=all"]),
        ({"userns": "keep-id"}, ["--userns=keep-id"]),
        ({"memory_limit": "2G"}, ["--memory=2147483648b"]),
        ({"memoryLimit": 1048576}, ["--memory=1048576b"]),
        ({"cpus": 1.5}, ["--cpus=1.5"]),
        ({"pull": "never"}, ["--pull=never"]),
        ({"rm": True, "retries": 2}, []),
    ],
)
def test_extensions(extensions: dict[str, Any], expected: list[str]) -> None:
    assert words(**extensions) == expected


@pytest.mark.parametrize(
    ("extensions", "named"),
    [
        ({"user": ""}, "user"),
        ({"user": True}, "user"),
        ({"exposed_ports": "80"}, "exposed_ports: '80'"),
        ({"exposed_ports": "a:b"}, "exposed_ports"),
        ({"privileged": "perhaps"}, "privileged"),
        ({"restart": "sometimes"}, "restart"),
        ({"volumes": "/a"}, "volumes: '/a'"),
        ({"volumes": "/a:b"}, "volumes"),
        ({"memory_limit": "much"}, "memory_limit"),
        ({"cpus": 0}, "cpus"),
        ({"cpus": "two"}, "cpus"),
        ({"pull": "alway"}, "pull.*did you mean always"),
        ({"devices": [None]}, "devices"),
    ],
)
def test_wrong_values_are_refused_by_name(extensions: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgumentException, match=named):
        words(**extensions)


def test_attributes() -> None:
    template = JobTemplate(
        candidate_machines=["node1"],
        working_directory="/w",
        resource_limits={"OPEN_FILES": 10, "CORE_FILE_SIZE": 1, "CPU_TIME": "1m"},
    )
    assert flags.attribute_words(template) == [
        "--hostname=node1",
        "--workdir=/w",
        "--ulimit=nofile=10:10",
        "--ulimit=core=1024:1024",
        "--ulimit=cpu=60:60",
    ]
    assert flags.attribute_words(JobTemplate(resource_limits={"WALLCLOCK_TIME": 3})) == []
    assert flags.attribute_words(JobTemplate(working_directory="$DRMAA2_HOME_DIR$/x")) == [
        "--workdir=$DRMAA2_HOME_DIR$/x"
    ]


def test_wrong_attributes() -> None:
    with pytest.raises(InvalidArgumentException, match="candidate_machines: one name"):
        flags.attribute_words(JobTemplate(candidate_machines=["a", "b"]))
    with pytest.raises(InvalidArgumentException, match="working_directory"):
        flags.attribute_words(JobTemplate(working_directory="w"))
    with pytest.raises(UnsupportedAttributeException, match=r"VIRTUAL_MEMORY.*memory_limit"):
        flags.attribute_words(JobTemplate(resource_limits={"VIRTUAL_MEMORY": 1}))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ([], [])),
        ("", (["--entrypoint="], [])),
        ("sh", (["--entrypoint=sh"], [])),
        (["sh", "-c"], (["--entrypoint=sh"], ["-c"])),
    ],
)
def test_entrypoint(value: Any, expected: tuple[list[str], list[str]]) -> None:
    assert flags.entrypoint_words(JobTemplate(implementation_specific={"entrypoint": value})) == expected


def test_command() -> None:
    assert flags.command_words(JobTemplate(remote_command="a", args=["b"])) == ["a", "b"]
    assert flags.command_words(JobTemplate(args=["b"])) == ["b"]
    assert flags.command_words(JobTemplate()) == []


@pytest.mark.parametrize("image", [None, "", "--privileged", "a b"])
def test_what_is_no_image(image: str | None) -> None:
    with pytest.raises(InvalidArgumentException, match="job_category"):
        flags.image(JobTemplate(job_category=image))


def test_options() -> None:
    assert flags.options(JobTemplate(implementation_specific={"options": ["--read-only", "--cap-drop=all"]})) == [
        "--read-only",
        "--cap-drop=all",
    ]
    assert flags.options(JobTemplate()) == []


def test_a_command_must_be_utf8() -> None:
    flags.check_text(JobTemplate(remote_command="ä"))
    with pytest.raises(UnsupportedAttributeException, match="UTF-8"):
        flags.check_text(JobTemplate(args=["\udcff"]))


def test_volume_sources() -> None:
    assert flags.volume("data:/d:ro") == ("data", "/d", "ro")
    assert [flags.is_path(source) for source in ("data", "/a", "./a", ".", "a/b")] == [False, True, True, True, True]


@pytest.mark.parametrize(("network", "refused"), [("host", True), ("none", True), ("bridge", False), (None, False)])
@pytest.mark.parametrize("name", ["exposed_ports", "exposedPorts"])
def test_ports_want_a_network(network: str | None, refused: bool, name: str) -> None:
    template = JobTemplate(implementation_specific={name: "80:80", **({"network": network} if network else {})})
    if refused:
        with pytest.raises(InvalidArgumentException, match=f"network {network}"):
            flags.check_ports(template)
    else:
        flags.check_ports(template)


def test_modes_of_a_volume() -> None:
    for word in ("/a:/b", "/a:/b:ro", "/a:/b:ro,rw", "/a:/b:,ro"):
        flags.check_modes(word, ("ro", "rw"))
    for word in ("/a:/b:r0", "/a:/b:rw,RO", "/a:/b:ro:rw"):
        with pytest.raises(InvalidArgumentException, match="is no mount option"):
            flags.check_modes(word, ("ro", "rw"))


@pytest.mark.parametrize(("extensions", "again"), [
    ({}, False), ({"restart": "no"}, False), ({"restart": "always"}, True), ({"options": ["--restart=always"]}, True),
    ({"options": ["--restart", "on-failure"]}, True), ({"options": ["--restart", "no"]}, False), ({"options": ["--init"]}, False),
])  # fmt: skip
def test_restarts(extensions: dict[str, Any], again: bool) -> None:
    assert flags.restarts(JobTemplate(implementation_specific=extensions)) == again
    template = JobTemplate(implementation_specific=extensions, output_path="/o")
    if again:
        with pytest.raises(InvalidArgumentException, match="leave out output_path"):
            flags.check_restart(template)
    else:
        flags.check_restart(template)
