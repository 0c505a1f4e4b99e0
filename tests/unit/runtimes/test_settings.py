"""What the CLIs' own configuration files say."""

from __future__ import annotations

from typing import Any

import pytest

from proctracker import runtimes
from proctracker.runtimes import settings
from proctracker.runtimes.base import Engine

TOML = """
# a comment
address = "unix:///run/c.sock"  # why
debug = false
namespace='k8s.io'
"data_root" = "/d\\"x"
list = ["a",
  "b"]
[ engine ]
active_service = "one"
address = "no"
[engine.service_destinations.one]
uri = "ssh://x"
"""


def test_texts_of_a_table() -> None:
    assert settings.toml_texts(TOML) == {"address": "unix:///run/c.sock", "namespace": "k8s.io", "data_root": '/d"x'}
    assert settings.toml_texts(TOML, "engine") == {"active_service": "one", "address": "no"}
    assert settings.toml_texts(None) == settings.toml_texts('= [ "') == {}


@pytest.mark.parametrize("text", [None, "", "[]", "3", "{", "null"])
def test_what_is_no_object_is_empty(text: str | None) -> None:
    assert settings.json_object(text) == {}


DOCKER = {"/h/.docker/config.json": '{"currentContext": "one"}', "/c/config.json": '{"currentContext": "two"}'}
CONNECTIONS = {"/h/.config/containers/podman-connections.json": '{"Connection": {"Default": "five"}}'}
CONF = {"/h/.config/containers/containers.conf": '[engine]\nactive_service = "four"\n'}
NERDCTL = {"/n.toml": TOML, "/etc/nerdctl/nerdctl.toml": 'namespace = "etc"\n'}
REMOTE = ("podman", "--remote")

CASES: list[tuple[str, tuple[str, ...], dict[str, str], dict[str, str], dict[str, str], dict[str, str]]] = [
    ("docker", ("docker",), {"HOME": "/h"}, {}, DOCKER, {"DOCKER_CONTEXT": "one"}),
    ("docker", ("docker",), {"HOME": "/h", "DOCKER_CONFIG": "/c"}, {}, DOCKER, {"DOCKER_CONTEXT": "two"}),
    ("docker", ("docker",), {"HOME": "/h"}, {}, {}, {"DOCKER_CONTEXT": "default"}),
    ("docker", ("docker",), {"HOME": "/h"}, {}, {"/h/.docker/config.json": "broken"}, {"DOCKER_CONTEXT": "default"}),
    ("docker", ("docker",), {"HOME": "/h", "DOCKER_CONTEXT": "mine"}, {}, DOCKER, {}),
    ("docker", ("docker",), {"HOME": "/h", "DOCKER_HOST": "unix:///x"}, {}, DOCKER, {}),
    ("docker", ("docker",), {"HOME": "/h"}, {"address": "/x.sock"}, DOCKER, {}),
    ("podman", ("podman",), {"HOME": "/h"}, {}, {**CONNECTIONS, **CONF}, {}),
    ("podman", REMOTE, {"HOME": "/h"}, {}, {**CONNECTIONS, **CONF}, {"CONTAINER_CONNECTION": "five"}),
    ("podman", REMOTE, {"HOME": "/h"}, {}, CONF, {"CONTAINER_CONNECTION": "four"}),
    ("podman", ("podman-remote",), {"HOME": "/h"}, {}, CONF, {"CONTAINER_CONNECTION": "four"}),
    ("podman", REMOTE, {"HOME": "/h", "CONTAINERS_CONF": "/x"}, {}, CONF, {}),
    ("podman", REMOTE, {"HOME": "/h", "CONTAINER_HOST": "unix:///x"}, {}, CONF, {}),
    ("podman", ("podman", "--connection=x"), {"HOME": "/h"}, {}, CONF, {}),
    ("podman", REMOTE, {"HOME": "/h"}, {}, {}, {}),
    (
        "nerdctl", ("nerdctl",), {"NERDCTL_TOML": "/n.toml"}, {}, NERDCTL,
        {"CONTAINERD_ADDRESS": "unix:///run/c.sock", "CONTAINERD_NAMESPACE": "k8s.io", "data_root": '/d"x'},
    ),
    ("nerdctl", ("nerdctl",), {"HOME": "/h"}, {}, NERDCTL, {"CONTAINERD_NAMESPACE": "etc"}),
    ("nerdctl", ("nerdctl",), {"HOME": "/h"}, {}, {}, {"CONTAINERD_NAMESPACE": "default"}),
    ("nerdctl", ("nerdctl",), {"HOME": "/h", "CONTAINERD_NAMESPACE": "mine"}, {}, NERDCTL, {}),
    ("nerdctl", ("nerdctl",), {"HOME": "/h"}, {"namespace": "asked"}, NERDCTL, {}),
    ("ctr", ("ctr",), {"HOME": "/h"}, {}, {}, {}),
    ("process", (), {}, {}, {}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "command", "env", "options", "files", "more"), CASES)
def test_an_engine_stays_what_it_is(
    name: str,
    command: tuple[str, ...],
    env: dict[str, str],
    options: dict[str, str],
    files: dict[str, str],
    more: dict[str, str],
) -> None:
    engine = Engine(command, options, env)
    found: Any = runtimes.get(name).pinned(engine, files.get)
    added = {**{key: value for key, value in found.env.items() if env.get(key) != value}}
    added.update({key: value for key, value in found.options.items() if options.get(key) != value})
    assert added == more
    assert found.command == command
    # What is said later changes nothing.
    assert runtimes.get(name).pinned(found, {"/h/.docker/config.json": '{"currentContext": "later"}'}.get) == found
