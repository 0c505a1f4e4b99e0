"""Small commands: template, categories, machines, version."""

from __future__ import annotations

from proctracker.cli import formats
from proctracker.cli.main import Call
from proctracker.cli.options import UsageError


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
        found = problems(values, access.check_template)
        for problem in found:
            access.tell(f"{path}: {problem}")
        if not found:
            formats.write(f"ok {formats.safe(path)}\n")
    return 1 if access.failed else 0


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


def machines(call: Call) -> int:
    """Describe this machine."""
    call.no_words()
    from proctracker import procs
    from proctracker.model import plain

    machine = procs.machine()
    values = {name: plain(getattr(machine, name)) for name in machine.names()}
    version = machine.machine_os_version
    values["machine_os_version"] = None if version is None else str(version)
    if call.flag("json"):
        formats.write(formats.dump_json([values]))
    else:
        formats.write(
            "".join(f"{name}: {formats.safe(value)}\n" for name, value in values.items() if value is not None)
        )
    return 0
