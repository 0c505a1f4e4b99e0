"""Small commands: template, categories, machines, completion, version."""

from __future__ import annotations

from proctracker.cli import formats
from proctracker.cli.main import Call
from proctracker.cli.options import UsageError

_BASH = """\
_proctracker() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" command="" each
  for each in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case " {commands} " in *" $each "*) command="$each"; break ;; esac
  done
  case "$command" in
    "") COMPREPLY=($(compgen -W "{commands} --session --contact --help --version" -- "$word")) ;;
{cases}
  esac
}}
complete -o default -F _proctracker proctracker
"""

_ZSH = "#compdef proctracker\nautoload -Uz bashcompinit && bashcompinit\n"


def completion(call: Call) -> int:
    """Print a completion script for a shell."""
    shell = " ".join(call.words)
    if shell not in _SHELLS:
        raise UsageError("completion: name the shell: bash, zsh or fish")
    formats.write(_SHELLS[shell]())
    return 0


def _bash() -> str:
    from proctracker.cli.commands import COMMANDS, GLOBAL
    from proctracker.cli.options import parse_table

    cases = []
    for name, command in COMMANDS.items():
        names = [word for option in parse_table(command.options + GLOBAL) for word in option.names]
        # An id is what nearly every command takes; a job's own words are files.
        ids = "" if command.job else " $(proctracker ps -a -q 2>/dev/null)"
        choice = f'COMPREPLY=($(compgen -W "{" ".join(names)}{ids}" -- "$word"))'
        cases.append(f"    {name}) {choice} ;;")
    return _BASH.format(commands=" ".join(COMMANDS), cases="\n".join(cases))


def _zsh() -> str:
    return _ZSH + _bash()


def _fish() -> str:
    from proctracker.cli.commands import COMMANDS
    from proctracker.cli.options import parse_table

    lines = ["complete -c proctracker -n __fish_use_subcommand -f"]
    for name, command in COMMANDS.items():
        summary = command.summary.replace("'", "\\'")
        lines.append(f"complete -c proctracker -n __fish_use_subcommand -f -a {name} -d '{summary}'")
        for option in parse_table(command.options):
            words = " ".join(f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}" for word in option.names)
            takes = " -r" if option.takes else ""
            lines.append(f"complete -c proctracker -n '__fish_seen_subcommand_from {name}' {words}{takes}")
        if not command.job:
            lines.append(
                f"complete -c proctracker -n '__fish_seen_subcommand_from {name}' -f -a '(proctracker ps -a -q 2>/dev/null)'"
            )
    return "\n".join(lines) + "\n"


_SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}


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
