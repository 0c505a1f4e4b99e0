"""Describes docker, which needs an attached command for a job with files for its streams."""

from __future__ import annotations

from proctracker.errors import DrmCommunicationException
from proctracker.model import Completed
from proctracker.records import replace
from proctracker.runtimes import flags, settings, words
from proctracker.runtimes.base import Argv, Dialog, Engine, Launch, Request, one
from proctracker.runtimes.shared import DockerLike, Streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, Sequence

LOG: Argv = ("--log-driver=local", "--log-opt=max-size=1000000t", "--log-opt=max-file=1", "--log-opt=compress=false")
"""A log that keeps every byte.

docker's usual ``json-file`` replaces what is no UTF-8, and ``local`` by itself drops the oldest output over 100 MB
(docs.docker.com, "Local file logging driver").
"""


PODMAN = "docker here is podman: use the contact podman"
"""What is said of podman in docker's place, as a command or as a service."""
_NO_SUCH_LOG = "invalid log driver"
"""podman's words for ``LOG``, which every docker has (libpod/options.go, WithLogDriver)."""
_COMPONENT = "Podman Engine"


def namespace(name: str, value: Any) -> Sequence[str]:
    """Return a namespace's mode, with no word for docker's default ``private``."""
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
    tells_removal = True
    groups: Sequence[str] = ("docker/{id}", "system.slice/docker-{id}.scope")
    """Cgroup folders of dockerd's drivers cgroupfs and systemd.

    A rootless or remote daemon has none here, and is asked.
    """
    extension_readers: Mapping[str, flags.Reader] = {**flags.READERS, "uts": namespace, "pid": namespace}

    version_words: Argv = (
        "version",
        "--format",
        "{{.Client.Version}}, server {{.Server.Version}}{{range .Server.Components}}\n{{.Name}}{{end}}",
    )

    def pinned(self, engine: Engine, read: Callable[[str], str | None]) -> Engine:
        """With the context that is in use now (docker context use, kept in config.json)."""
        env = engine.env
        if engine.options.get("address") or env.get("DOCKER_HOST") or env.get("DOCKER_CONTEXT"):
            return engine
        folder = env.get("DOCKER_CONFIG") or f"{env.get('HOME', '')}/.docker"
        named = settings.json_object(read(f"{folder}/config.json")).get("currentContext")
        return replace(engine, env={**env, "DOCKER_CONTEXT": named if named and isinstance(named, str) else "default"})

    def version(self, engine: Engine) -> Dialog[str]:
        """Return the versions of CLI and daemon, or raise DrmCommunicationException for podman's."""
        done = yield from one(self.argv(engine, *self.version_words))
        named = done
        if done.returncode and not words.unanswered(done):
            named = yield from one(self.argv(engine, "--version"))  # podman's own command has no such fields
        if _COMPONENT in done.stdout or named.stdout.startswith("podman"):
            raise DrmCommunicationException(PODMAN)
        return words.expect(done).partition("\n")[0]

    def failed_start(self, completed: Completed) -> tuple[int, str]:
        """Read a failed start, where an unknown log driver tells that docker is podman."""
        if words.says(completed.stderr, _NO_SUCH_LOG):
            return 125, PODMAN
        return super().failed_start(completed)

    def plan(
        self, request: Request, kind: str, own: Sequence[str], streams: Streams | None, starter: Sequence[str] = ()
    ) -> Launch:
        """With a log for ``logs``, unless the template's options name one."""
        chosen = any(word.startswith("--log-driver") for word in flags.options(request.template))
        return super().plan(request, kind, [*own, *(() if chosen else LOG)], streams, starter)


RUNTIME = Docker()
