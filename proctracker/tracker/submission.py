"""Makes a spec of a template, with every check that needs no start."""

from __future__ import annotations

import os
import time

from proctracker import templates
from proctracker.config import Config
from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import HOME_DIR, JobTemplate, OperatingSystem, extension
from proctracker.templates import limits
from proctracker.tracker import contacts, files, ownfiles
from proctracker.tracker.contacts import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping, Sequence

    from proctracker.store import Reader


def prepare(
    template: JobTemplate,
    target: Target,
    config: Config,
    *,
    environ: Mapping[str, str],
    cwd: str,
    array: bool = False,
    indices: Sequence[int] | None = None,
    reader: Reader | None = None,
) -> dict[str, Any]:
    """Return the spec of a job or ``array``, the files of all ``indices`` being checked.

    Raises InvalidArgument or UnsupportedAttribute naming what is wrong, DrmCommunication where the contact's CLI is not
    there. Files and directories are left to the start where that comes later: hold, a start time, dependencies.
    """
    containers = target.runtime.containers
    given = template
    templates.check(template, containers)
    _fits(template, target)
    template = _categorised(template, target, config)
    if "volumes" in target.runtime.extensions:
        template = files.absolute_volumes(template, cwd, target.runtime.name)
    target.runtime.check(template, target.engine)
    _bounded(template, target)
    contacts.present(target)
    spec = templates.make_spec(
        template,
        contact=target.contact,
        runtime=target.runtime.name,
        engine=_engine_words(target),
        cwd=cwd,
        home_dir=environ.get("HOME") or "/",
        now=time.time(),
        containers=containers,
    )
    spec["template"].pop("job_environment", None)
    spec["output_dir"] = config.output_dir
    spec["output_limit"] = 0 if containers else config.output_limit
    spec["start_timeout"] = config.start_timeout
    ownfiles.refuse(spec)
    if template is not given:
        spec["given"] = _changed(given.to_dict(), spec["template"])
    if array or indices is not None:
        files.check_apart(spec, 2 if indices is None else len(indices))
    if spec["after"] or spec["after_any"]:
        known(spec, environ, reader)
    elif not spec["hold"] and spec["start_time"] is None:
        files.check(spec, indices)
    return spec


def directory(template: JobTemplate, containers: bool) -> str:
    """Return the caller's directory, or raise InvalidArgumentException where it was removed."""
    try:
        return os.getcwd()
    except OSError as error:
        if not _relative(template, containers):
            return "/"
        raise InvalidArgumentException(
            f"the current directory cannot be had ({error.strerror}): jobs start there; cd to one that is there"
        ) from None


def _relative(template: JobTemplate, containers: bool) -> bool:
    """Return whether a job needs its caller's directory."""
    fixed = (os.sep, HOME_DIR)
    streams = [template.input_path, template.output_path, template.error_path]
    if not containers:
        return not (template.working_directory or "").startswith(fixed)
    volumes = extension(template, "volumes") or []
    words = [volumes] if isinstance(volumes, str) else volumes
    return any(path and not path.startswith(fixed) for path in streams) or any(str(word)[:1] == "." for word in words)


def _changed(given: Mapping[str, Any], used: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given for attributes that a job got otherwise."""
    names = {*given, *used} - {"job_environment"}
    return {name: given.get(name) for name in names if given.get(name) != used.get(name)}


def _engine_words(target: Target) -> dict[str, Any]:
    """Return how an engine is called, as a spec has it."""
    engine = target.engine
    return {"command": engine.command, "options": engine.options, "env": engine.env} if engine.command else {}


def _categorised(template: JobTemplate, target: Target, config: Config) -> JobTemplate:
    """The template with a category of the configuration's replaced by its image and options."""
    category = config.categories.get(template.job_category or "") if config.categories else None
    if category is None or (not target.runtime.containers and "job_category" in target.runtime.unsupported):
        return template
    found = _copy(template)
    found.job_category = category.image
    if category.options:
        options = extension(template, "options") or []
        more = [options] if isinstance(options, str) else list(options)
        found.implementation_specific = {
            **(template.implementation_specific or {}),
            "options": [*category.options, *more],
        }
    return found


def _copy(template: JobTemplate) -> JobTemplate:
    """Return a template of its own with the same values."""
    found = JobTemplate.__new__(JobTemplate)
    found.__dict__.update(template.__dict__)
    return found


def _fits(template: JobTemplate, target: Target) -> None:
    """Refuse what the machine, or any of a scheduler's, cannot give."""
    if target.runtime.batch is None:
        _this_machine(template)
        if not target.runtime.containers and template.resource_limits:
            _within(template.resource_limits)
    elif template.machine_os not in (None, OperatingSystem.LINUX):
        raise UnsupportedAttributeException(f"machine_os: jobs run on LINUX, not {template.machine_os.name}")


def _this_machine(template: JobTemplate) -> None:
    """Refuse what this machine cannot be: a system, an architecture, more memory."""
    if template.machine_os not in (None, OperatingSystem.LINUX):
        raise UnsupportedAttributeException(f"machine_os: this machine runs LINUX, not {template.machine_os.name}")
    if template.machine_arch is not None or template.min_phys_memory is not None:
        from proctracker import procs

        if template.machine_arch not in (None, procs.architecture()):
            raise UnsupportedAttributeException(f"machine_arch: this machine is {procs.architecture().name}")
        if (template.min_phys_memory or 0) > procs.memory():
            raise InvalidArgumentException(f"min_phys_memory: this machine has {procs.memory()} KiB")


def _bounded(template: JobTemplate, target: Target) -> None:
    """Refuse bounds for the whole job where it would get no control group of its own."""
    from proctracker.runtimes import process

    asked = [name for name in process.BOUNDS if extension(template, name) not in (None, "")]
    if target.runtime.name == "process" and asked:
        from proctracker.wire import confinement

        if not confinement.describe()["delegated"]:
            raise UnsupportedAttributeException(f"{asked[0]}: {process.NO_GROUP}")
    elif target.runtime.name == "podman":
        from proctracker.tracker import sessionless

        ignored = sessionless.bound(target.engine.command, template.implementation_specific or {})
        if ignored:
            raise UnsupportedAttributeException(f"{ignored}: {sessionless.NO_SESSION}")


def _within(asked: Mapping[str, Any]) -> None:
    """Refuse a limit above the caller's own hard one, unless the caller may raise that."""
    import resource

    from proctracker.wire import confinement

    for name, given in () if "limits" in confinement.describe()["may"] else asked.items():
        for known, value in limits.read({name: given})[0].items():
            most = resource.getrlimit(getattr(resource, f"RLIMIT_{known}"))[1]
            if most != resource.RLIM_INFINITY and value > most:
                raise InvalidArgumentException(
                    f"resource_limits: {name} {given} is above your hard limit, {most // limits.RLIMITS[name][1]}"
                )


def known(spec: Mapping[str, Any], environ: Mapping[str, str], reader: Reader | None) -> None:
    """Raise InvalidArgumentException for a dependency on a job or array nobody knows."""
    own = None
    if reader is None:
        from proctracker.store import Home, Reader, home_path

        reader = own = Reader(Home(home_path(environ)))
    wanted = [*spec["after"], *spec["after_any"]]
    known = reader.states(wanted)
    lacking = [name for name in wanted if name not in known and not (_number(name) and reader.array(int(name)))]
    where = _elsewhere(reader, lacking[0]) if lacking else None
    if own is not None:
        own.close()
    if where:
        raise InvalidArgumentException(
            f"after: job {lacking[0]} is on {where}: a job waits for jobs of its own host only"
        )
    if lacking:
        raise InvalidArgumentException(f"after: no job {lacking[0]}: `proctracker ps -a` lists those there are")


def _elsewhere(reader: Reader, name: str) -> str | None:
    """Return the other host that has a job or an array."""
    for home in reader.home.others():
        other = type(reader)(home)
        try:
            if other.states([name]) or (_number(name) and other.array(int(name))):
                return home.host
        finally:
            other.close()
    return None


def _number(word: str) -> bool:
    """Return whether a word may be an array's number."""
    return word.isascii() and word.isdigit() and len(word) <= 18
