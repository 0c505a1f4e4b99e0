"""How a container's environment reaches it without a value in any argv."""

from __future__ import annotations

import re

from proctracker.errors import UnsupportedAttributeException
from proctracker.records import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

# What podman, docker, nerdctl, ctr, their libraries, the OCI runtimes, Go's run time and libc read from their environment.
_MEANS_SOMETHING = (
    r"_?(CONTAINERS?|CONTAINERD|PODMAN|DOCKER|NERDCTL|BUILDAH|BUILDKIT|REGISTRY|REGISTRIES|STORAGE|XDG|LIBPOD|CONMON|RUNC|CRUN"
    r"|CNI|NETAVARK|SYSTEMD|LISTEN|OTEL|LD|LC|MALLOC|SSL_CERT|SSH|GPG|DBUS|APPTAINER|SINGULARITY|PROCTRACKER)_.*"
    r"|(?i:(ALL|HTTP|HTTPS|FTP|NO)_PROXY)|GODEBUG|GOMAXPROCS|GOGC|GOMEMLIMIT|GOTRACEBACK|GOCOVERDIR|PATH|HOME|USER|LOGNAME"
    r"|SHELL|TERM|TMPDIR|TEMP|TMP|PWD|OLDPWD|LANG|LANGUAGE|TZ|TZDIR|KUBECONFIG|NETCONFPATH|NOTIFY_SOCKET|INVOCATION_ID"
    r"|JOURNAL_STREAM|GLIBC_TUNABLES|LOCPATH|NLSPATH|GCONV_PATH|RES_OPTIONS|RESOLV_HOST_CONF|HOSTALIASES|LOCALDOMAIN"
    r"|ISOLATION|EDITOR|NO_COLOR|CLICOLOR|COLUMNS|LINES|_"
)
_LONGEST_LINE = 60_000
"""Bytes at which the CLIs' line readers give up (Go's bufio.Scanner)."""
_QUOTES = "\"'`"
"""Characters that some versions take for quoting (podman 4.4 to 4.6), others literally."""


class Passed(NamedTuple):
    """The words for the CLI, its private files, and what is added to its own environment."""

    words: list[str]
    files: dict[str, bytes]
    environ: dict[str, str]


def passed(environment: Mapping[str, str], path: str) -> Passed:
    """Pass variables through a file at ``path``, and the others through the CLI's environment.

    Raises UnsupportedAttributeException for what neither can carry; its message has the name, never the value.
    """
    lines = {name: value for name, value in environment.items() if _fits_a_line(name, value)}
    rest = {name: value for name, value in environment.items() if name not in lines}
    for name, value in list(rest.items()):
        _check_text(name, value)
        if not re.fullmatch(_MEANS_SOMETHING, name) and not name.endswith("*"):
            continue
        if not _only_quotes(name, value):
            raise UnsupportedAttributeException(
                f"job_environment: {name!r} has a value of several lines or over 60 KB, and the container CLI reads a variable"
                " of that name itself: give it another name, or put the value into a file"
            )
        lines[name] = rest.pop(name)
    words = [f"--env-file={path}"] if lines else []
    words += [f"--env={name}" for name in rest]
    files = {path: file(lines)} if lines else {}
    return Passed(words, files, rest)


def file(pairs: Mapping[str, str]) -> bytes:
    """``NAME=value`` lines."""
    return "".join(f"{name}={value}\n" for name, value in pairs.items()).encode("utf-8")


def one_line(value: str) -> bool:
    """Whether the CLIs' line readers give back what such a line holds."""
    return (
        "\n" not in value and not value.endswith("\r") and len(value.encode("utf-8", "surrogateescape")) < _LONGEST_LINE
    )


def _fits_a_line(name: str, value: str) -> bool:
    _check_text(name, value)
    return (
        bool(re.fullmatch(r"[^\s#=\ufeff][^\s=]*", name)) and one_line(value) and not any(q in value for q in _QUOTES)
    )


def _only_quotes(name: str, value: str) -> bool:
    """Only the quotes speak against a line: most versions take them for themselves."""
    return _fits_a_line(name, "") and one_line(value)


def check_text(environment: Mapping[str, str]) -> None:
    """Raise UnsupportedAttributeException for what is not UTF-8."""
    for name, value in environment.items():
        _check_text(name, value)


def _check_text(name: str, value: str) -> None:
    try:
        (name + value).encode("utf-8")
    except UnicodeEncodeError:
        raise UnsupportedAttributeException(
            f"job_environment: {name!a} is not UTF-8, and container engines keep nothing else"
        ) from None
