"""docker: containers of a daemon; a job with files for its streams keeps an attached command, for docker has no other way."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from proctracker.runtimes import flags
from proctracker.runtimes.base import Argv
from proctracker.runtimes.shared import DockerLike


def namespace(name: str, value: Any) -> Sequence[str]:
    """A namespace's mode; ``private`` is docker's default but no word it knows for these."""
    return [] if value == "private" else flags.text(name, value)


class Docker(DockerLike):
    """The CLI of docker 20.10 or newer.

    The daemon keeps the output in its own log too when it goes to files: a command cut off from the daemon can lose none.
    """

    name = "docker"
    command: Argv = ("docker",)
    engine_variables: Sequence[str] = (
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CONFIG",
        "DOCKER_TLS",
        "DOCKER_TLS_VERIFY",
        "DOCKER_CERT_PATH",
        "DOCKER_API_VERSION",
        "SSH_AUTH_SOCK",
        "HOME",
        "PATH",
    )
    contact_options: Mapping[str, str] = {"address": "--host"}
    extension_readers: Mapping[str, flags.Reader] = {**flags.READERS, "uts": namespace, "pid": namespace}


RUNTIME = Docker()
