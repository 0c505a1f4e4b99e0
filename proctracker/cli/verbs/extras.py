"""Small commands: template, categories, machines, version."""

from __future__ import annotations

from proctracker.cli import formats
from proctracker.cli.call import Call
from proctracker.cli.options import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from proctracker.cli.access import Access
    from proctracker.model import JobTemplate, MachineInfo


def version(call: Call) -> int:
    """Print the version."""
    call.no_words()
    from proctracker.version import __version__

    formats.write(f"proctracker {__version__}\n")
    return 0


def template(call: Call) -> int:
    """Check template files as ``run`` would, and say ``ok FILE`` or each thing that is wrong."""
    if call.words[:1] != ["check"] or len(call.words) < 2:
        raise UsageError("template: name files: proctracker template check FILE…")
    from proctracker.cli.access import Access
    from proctracker.errors import Drmaa2Exception
    from proctracker.templates import files
    from proctracker.templates.problems import problems

    access = Access(call)
    for path in call.words[1:]:
        try:
            values = files.read(path)
        except Drmaa2Exception as error:
            access.tell(error.message)
            continue
        found = problems(values, lambda template: _check(access, template))
        for problem in found:
            access.tell(f"{path}: {problem}")
        if not found:
            formats.write(f"ok {formats.safe(path)}\n")
    return 1 if access.failed else 0


def _check(access: Access, template: JobTemplate) -> None:
    """Raise what ``run`` would refuse a template for.

    With ``-c``, else with the contact it names, or the default one.
    """
    import os

    from proctracker.cli.options import text
    from proctracker.model import extension
    from proctracker.tracker import submission

    target = access.target(text(access.call.values, "contact") or extension(template, "contact"))
    cwd = submission.directory(template, target.runtime.containers)
    submission.prepare(template, target, access.config, environ=os.environ, cwd=cwd)


def categories(call: Call) -> int:
    """List the configuration's categories and the images of the tracker or of all engines."""
    call.no_words()
    from proctracker.cli.access import Access
    from proctracker.cli.engines import Engines
    from proctracker.errors import Drmaa2Exception

    access = Access(call)
    names = dict.fromkeys(access.config.categories)
    engines = Engines(access)
    asked = [target for target in engines.here() if target.runtime.containers]
    for target, answer in zip(asked, engines.ask(asked, lambda runtime, engine: runtime.categories(engine))):
        if not isinstance(answer, Drmaa2Exception):
            names.update(dict.fromkeys(answer))
        elif engines.named:
            raise answer
        elif target.contact == access.default_contact:
            access.tell(answer.message)
    formats.write("".join(f"{formats.safe(name)}\n" for name in names))
    return 1 if access.failed else 0


def _lines(values: dict[str, Any]) -> list[str]:
    return [f"{name}: {formats.safe(value)}\n" for name, value in values.items() if value is not None]


def _machines(call: Call) -> Sequence[MachineInfo]:
    from proctracker import procs
    from proctracker.cli.access import Access
    from proctracker.runner import Runner
    from proctracker.runtimes.base import Engine

    access = Access(call)
    target = access.target()
    batch = target.runtime.batch
    if batch is None:
        return [procs.machine()]
    engine = Engine(target.engine.command, {}, batch.environment(target.engine))
    return Runner(engine, access.config.cli_timeout).converse(batch.machines(target.engine))


def machines(call: Call) -> int:
    """Describe this machine, or those of the contact's scheduler."""
    call.no_words()
    from proctracker.model import plain

    found = _machines(call)
    rows = []
    for machine in found:
        values = {name: plain(getattr(machine, name)) for name in machine.names()}
        version = machine.machine_os_version
        values["machine_os_version"] = None if version is None else str(version)
        rows.append(values)
    if call.flag("json"):
        formats.write(formats.dump_json(rows))
    else:
        texts = ("".join(_lines(values)) for values in rows)
        formats.write("\n".join(texts))
    return 0
