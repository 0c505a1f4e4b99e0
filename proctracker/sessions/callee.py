"""Carries out one Python call inside a job, as source that travels with the call.

Standard library only, and nothing newer than Python 3.9. ``executor`` writes what is read here, and reads what is left.
What is unpickled was pickled by the caller of the job, or is just ours.
"""

from __future__ import annotations

import os
import pickle
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, Callable

BOOT = "import pickle,sys;f=open(sys.argv[1]+'/call','rb');n={};exec(pickle.load(f),n);n['main'](f,sys.argv[1])"
"""What Python is told to run: the source at the beginning of the call's file."""

IMPORTING = "PROCTRACKER_IMPORTING_MAIN"
"""Set while the caller's script is imported, so that an unguarded one cannot submit itself."""


def main(file: BinaryIO, folder: str) -> None:
    """Carry out a call, leave its outcome in its folder, and exit with 1 if it failed."""
    process, attempt = os.getpid(), os.environ.get("PROCTRACKER_ATTEMPT", "")
    about = pickle.load(file)  # noqa: S301
    _same_python(about["version"])
    kind, value, said, error = "call", None, "", None
    try:
        with file:
            _prepare(about)
            many, function, args, kwargs = pickle.load(file)  # noqa: S301
        kind = "error"
        value = [function(*each) for each in args] if many else function(*args, **kwargs)
        kind = "value"
    except Exception as raised:
        error, said = raised, _told(raised)
    if os.getpid() != process:
        return  # a child that the function forked, and that came back here too
    dumps, dump = _pickler(about)
    if error is None:
        try:
            _leave(folder, (attempt, kind, "", None), lambda target: dump(value, target))
            return
        except Exception as raised:
            kind, error, said = "error", raised, _told(raised)
    _leave(folder, (attempt, kind, said or repr(error), _readable(error, dumps)))
    sys.exit(1)


def _same_python(version: tuple[int, int]) -> None:
    """Exit unless this is the caller's minor version of Python, to which data and code belong."""
    if sys.version_info[:2] != version:
        made, here = (".".join(map(str, each)) for each in (version, sys.version_info[:2]))
        sys.exit(f"proctracker: the call is Python {made}'s, this is {here} ({sys.executable}): it has to be the same")


def _prepare(about: dict[str, Any]) -> None:
    """Find modules where the caller does, and import its script as ``__mp_main__`` if needed."""
    if about["image"]:
        sys.path += [each for each in about["path"] if each not in sys.path and os.path.exists(each)]
    else:
        sys.path[:] = about["path"]
    sys.argv = about["argv"]
    if about["main"] is None:
        return
    import runpy
    import types

    kind, where = about["main"]
    os.environ[IMPORTING] = "1"
    try:
        if kind == "name":
            found = runpy.run_module(where, run_name="__mp_main__", alter_sys=True)
        else:
            found = runpy.run_path(where, run_name="__mp_main__")
    finally:
        del os.environ[IMPORTING]
    module = types.ModuleType("__mp_main__")
    module.__dict__.update(found)
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module


def _told(error: BaseException) -> str:
    """The traceback from the function on, also written to the job's standard error."""
    import traceback

    trace = error.__traceback__
    text = "".join(traceback.format_exception(type(error), error, trace.tb_next if trace else None))
    print(text, end="", file=sys.stderr, flush=True)
    return text


def _pickler(about: dict[str, Any]) -> tuple[Callable[..., bytes], Callable[..., None]]:
    """What pickles: as the call was, so that what it defines by value comes back."""
    if about["cloudpickle"]:
        try:
            import cloudpickle  # type: ignore[import-not-found,import-untyped,unused-ignore]

            return cloudpickle.dumps, cloudpickle.dump
        except ImportError:
            pass  # then the call could not be read, and that is what is told
    return pickle.dumps, pickle.dump


def _readable(error: BaseException | None, dumps: Callable[..., bytes]) -> bytes | None:
    """Return an exception as data, or None for one that cannot be written or read again."""
    try:
        data = dumps(error)
        pickle.loads(data)  # noqa: S301
        return data
    except Exception:
        return None


def _leave(folder: str, about: tuple[Any, ...], rest: Callable[[BinaryIO], None] | None = None) -> None:
    """Write the outcome, whole or not at all, for the owner of the folder alone."""
    new = folder + "/result.new"
    try:
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as target:
            pickle.dump(about, target)
            if rest is not None:
                rest(target)
            owner = os.stat(folder)
            if owner.st_uid != os.geteuid():
                os.fchown(fd, owner.st_uid, owner.st_gid)
    except BaseException:
        if os.path.exists(new):
            os.unlink(new)
        raise
    os.rename(new, folder + "/result")
