"""Checks a job's files before it is accepted: directory, input, outputs, volumes."""

from __future__ import annotations

import os
import stat

from proctracker.errors import InvalidArgumentException
from proctracker.model import PARAMETRIC_INDEX, JobTemplate, extension
from proctracker.templates import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence

_OUTPUTS = {"output": "output_path", "error": "error_path"}
_NO_ID = "0"


def check(spec: Mapping[str, Any], indices: Sequence[int] | None = None) -> None:
    """Raise InvalidArgumentException for a directory, input or output a start could not have.

    With ``indices`` those of every task. A path that holds the job's id is left to the start: nobody knows it yet.
    """
    varying = indices and any(map(paths.varies, paths.texts(spec)))
    for task in (indices or ()) if varying else [None]:
        _check_one(spec, _NO_ID if task is None else f"{_NO_ID}_{task}")


def _outputs(spec: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the streams that are written, and their attributes, a joined error left out."""
    return [each for each in _OUTPUTS.items() if each[0] != "error" or not spec.get("join")]


def _check_one(spec: Mapping[str, Any], job: str) -> None:
    """Check the directory and streams of one job or task."""
    folder, streams = paths.resolve(spec, job)[0], paths.known(spec, job)
    if folder is not None and not spec["runtime_containers"]:
        _check_directory(folder, given=spec["template"].get("working_directory") is not None)
    source = streams.get("input")
    if source is not None:
        _check_input(source)
    for name, attribute in _outputs(spec):
        path = streams.get(name)
        if path is None or path == os.devnull:
            continue
        _check_output(path, attribute)
        if source is not None and _same(source, path):
            raise InvalidArgumentException(
                f"{attribute}: {path} is the input too, which would be overwritten while it is read"
            )


def _check_directory(folder: str, given: bool) -> None:
    """Raise InvalidArgumentException for a process' directory that is not there, or is ``given`` and closed."""
    if not os.path.isdir(folder):
        raise InvalidArgumentException(f"working_directory: {folder}: {_why(folder)}")
    if given and not os.access(folder, os.X_OK, effective_ids=True):
        raise InvalidArgumentException(f"working_directory: {folder}: permission denied")


def _check_input(path: str) -> None:
    """Raise InvalidArgumentException for an input that cannot be read."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise InvalidArgumentException(f"input_path: {path}: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise InvalidArgumentException(f"input_path: {path}: is a directory")
    if not os.access(path, os.R_OK, effective_ids=True):
        raise InvalidArgumentException(f"input_path: {path}: permission denied")


def _check_output(path: str, attribute: str) -> None:
    """Raise InvalidArgumentException for an output that cannot be written."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        folder = os.path.dirname(path) or "/"
        if not os.path.isdir(folder):
            raise InvalidArgumentException(f"{attribute}: {path}: there is no directory {folder}") from None
        if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
            raise InvalidArgumentException(f"{attribute}: {path}: permission denied to write in {folder}") from None
        return
    except OSError as error:
        raise InvalidArgumentException(f"{attribute}: {path}: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise InvalidArgumentException(f"{attribute}: {path}: is a directory")
    if not os.access(path, os.W_OK, effective_ids=True):
        raise InvalidArgumentException(f"{attribute}: {path}: permission denied")


def _same(one: str, other: str) -> bool:
    """Return whether two paths are one file, through links too, but the null device."""
    try:
        return os.path.samefile(one, other) and not stat.S_ISCHR(os.stat(one).st_mode)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def _why(path: str) -> str:
    """Return why a path is no directory, in the kernel's words if it has any."""
    try:
        os.stat(path)
    except OSError as error:
        return (error.strerror or "not a directory").lower()
    return "not a directory"


def check_apart(spec: Mapping[str, Any], tasks: int) -> None:
    """Raise InvalidArgumentException for an array whose tasks would write the same file."""
    if tasks < 2:
        return
    moving = PARAMETRIC_INDEX in (spec["template"].get("working_directory") or "") and not spec["runtime_containers"]
    for name, attribute in _outputs(spec):
        text = spec.get(name)
        if not text or text == os.devnull or paths.varies(text) or (moving and not os.path.isabs(text)):
            continue
        raise InvalidArgumentException(
            f"{attribute}: every task would write {text}: put %a (the task's number) into the name, or name /dev/null"
        )


_NAMELESS = ("ctr", "apptainer")
"""Runtimes whose volumes have no names: every source is a path."""


def absolute_volumes(template: JobTemplate, cwd: str, runtime: str) -> JobTemplate:
    """The template with relative host paths of ``volumes`` as the caller's own.

    Raises InvalidArgumentException for a host path that is missing: an engine would make a directory of it, as root.
    """
    given = extension(template, "volumes")
    if not given or not isinstance(given, (str, list, tuple)):
        return template  # the runtime's check names it
    words = [given] if isinstance(given, str) else list(given)
    found = [_volume(word, cwd, runtime) if isinstance(word, str) else word for word in words]
    if found == given:
        return template
    copy = JobTemplate.__new__(JobTemplate)
    copy.__dict__.update(template.__dict__)
    copy.implementation_specific = {**(template.implementation_specific or {}), "volumes": found}
    return copy


def _volume(word: str, cwd: str, runtime: str) -> str:
    """Return a volume with its host path made absolute."""
    source, colon, rest = word.partition(":")
    if not colon or not source or ("/" not in source and source not in (".", "..") and runtime not in _NAMELESS):
        return word  # a volume the engine knows by its name
    path = os.path.normpath(os.path.join(cwd, source))
    if not os.path.exists(path):
        raise InvalidArgumentException(f"volumes: {path}: no such file or directory on this host")
    return f"{path}:{rest}"
