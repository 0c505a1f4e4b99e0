"""Maps a template's attributes and extensions to options of sbatch, or refuses them."""

from __future__ import annotations

import math
import re

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import JobTemplate, extension
from proctracker.model.structs import shown
from proctracker.runtimes import flags, reserved
from proctracker.templates import quantities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, Sequence

    from proctracker.runtimes.base import Engine

CONTACT: Mapping[str, str] = {
    "partition": "--partition",
    "account": "--account",
    "qos": "--qos",
    "cluster": "--clusters",
}
"""Options of a contact -> sbatch's, over which the template wins."""

UNSUPPORTED: Mapping[str, str] = {
    "machine_arch": "Slurm chooses machines by the site's own features: give one as an option, --constraint=FEATURE",
    "stage_in_files": "nothing is copied: jobs see the cluster's shared file systems",
    "stage_out_files": "nothing is copied: jobs see the cluster's shared file systems",
    "user": "a job is its caller",
    "privileged": "a job has its caller's rights",
    "exposed_ports": "a job is in its node's network",
    "network": "a job is in its node's network",
    "restart": "use rerunnable, or retries",
    "rm": "nothing is left of a job: Slurm forgets it by itself",
    "devices": "a job has what its node gives it; ask for gpus",
    "userns": "apptainer decides it",
    "uts": "it is for containers of this machine",
    "ipc": "it is for containers of this machine",
    "pid": "it is for containers of this machine",
    "pull": "apptainer fetches docker:// images by itself",
}

_TIME, _HELD, _WHERE = (
    "use resource_limits WALLCLOCK_TIME, start_time and deadline_time",
    "use submit_as_hold, `proctracker release`",
    "use output_path, error_path and input_path",
)
RESERVED: Mapping[str, str] = {
    **dict.fromkeys(("time", "t", "begin", "b", "deadline", "time-min"), _TIME),
    **dict.fromkeys(("hold", "H"), _HELD),
    **dict.fromkeys(("output", "o", "error", "e", "input", "i", "open-mode"), _WHERE),
    **dict.fromkeys(("job-name", "J"), "use job_name: the job's name in Slurm is how it is found again"),
    **dict.fromkeys(("chdir", "D"), "use working_directory"),
    **dict.fromkeys(("array", "a"), "use `proctracker array`"),
    **dict.fromkeys(("dependency", "d", "kill-on-invalid-dep"), "use after and after_any"),
    **dict.fromkeys(("export", "export-file", "get-user-env"), "use job_environment"),
    **dict.fromkeys(("requeue", "no-requeue"), "use the attribute rerunnable"),
    **dict.fromkeys(("clusters", "cluster", "M"), "name it in the contact: slurm?cluster=NAME"),
    **dict.fromkeys(("wrap", "script"), "give the command itself"),
    **dict.fromkeys(("wait", "W"), "`proctracker run` waits"),
    **dict.fromkeys(
        ("parsable", "quiet", "Q", "test-only", "help", "h", "usage", "version", "V", "verbose", "v"), reserved.TOLD
    ),
    **dict.fromkeys(("uid", "gid"), "a job is its caller"),
    "nice": "use priority with a number below 0",
    "ntasks": "use the attribute min_slots",
    "n": "use the attribute min_slots",
}
"""sbatch's options that we give ourselves -> what to use."""

_TAKING = "AaBbCcDdeFGiJLMmNnopqSstwx"
"""Letters of sbatch behind which a value comes (sbatch(1))."""

_NAME = r"[\w.,:+@%/=\[\]-]+"


def words(template: JobTemplate, engine: Engine) -> list[str]:
    """Return the options for what one machine cannot do.

    Raises for what cannot be had or means nothing.
    """
    chosen = dict(engine.options)
    found = []
    for name, key in (("queue_name", "partition"), ("accounting_id", "account")):
        if getattr(template, name) is not None:
            chosen[key] = getattr(template, name)
    for key, flag in CONTACT.items():
        if chosen.get(key):
            found.append(f"{flag}={_plain(key, chosen[key])}")
    for name, reader in _READERS.items():
        value = getattr(template, name) if hasattr(template, name) else extension(template, name)
        if value not in (None, [], ""):
            found += reader(template, name, value)
    found += _memory(template)
    return [*found, *_options(template)]


def _plain(name: str, value: Any) -> str:
    """A word that is no second option and means the same in Slurm's files."""
    text = str(value)
    if not re.fullmatch(_NAME, text) or text.startswith("-"):
        raise InvalidArgumentException(f"{name}: {text!r} is no name that Slurm knows")
    return text


def _machine(template: JobTemplate, name: str, value: Any) -> Sequence[str]:
    if len(value) > 1:
        raise UnsupportedAttributeException(
            f"{name}: one name is expected: Slurm gives a job all machines of its --nodelist, not one of them"
        )
    return [f"--nodelist={_plain(name, value[0])}"]


def _slots(template: JobTemplate, name: str, value: Any) -> Sequence[str]:
    most = template.max_slots
    if most is not None and most < value:
        raise InvalidArgumentException(f"max_slots: {most} is below min_slots, {value}")
    return [f"--ntasks={value}"]


def _most(template: JobTemplate, name: str, value: Any) -> Sequence[str]:
    """Nothing: as many as ``min_slots``, or one, are given, which is no more."""
    return []


def _cpus(template: JobTemplate, name: str, value: Any) -> Sequence[str]:
    (text,) = flags.number(name, value)
    if float(text) != int(float(text)):
        raise InvalidArgumentException(
            f"{name}: a whole number is expected, Slurm gives whole processors: {shown(value)}"
        )
    return [f"--cpus-per-task={int(float(text))}"]


def _gpus(template: JobTemplate, name: str, value: Any) -> Sequence[str]:
    text = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"([A-Za-z][\w.-]*:)?[1-9]\d*", text):
        raise InvalidArgumentException(f"{name}: a number or TYPE:NUMBER is expected, not {shown(value)}")
    return [f"--gres=gpu:{text}"]


def _email(template: JobTemplate, name: str, value: Any) -> Sequence[str]:
    if len(value) > 1:
        raise UnsupportedAttributeException(f"{name}: Slurm mails to one address")
    if not re.fullmatch(r"[^\s,;|'\"-][^\s,;|'\"]*", value[0]):
        raise InvalidArgumentException(f"{name}: {value[0]!r} is no address")
    begin, end = template.email_on_started, template.email_on_terminated
    kinds = [*(["BEGIN"] if begin else []), *(["END", "FAIL"] if end or (begin is None and end is None) else [])]
    return [f"--mail-user={value[0]}", f"--mail-type={','.join(kinds) or 'NONE'}"]


def _mailed(template: JobTemplate, name: str, value: Any) -> Sequence[str]:
    if value and not template.email:
        raise InvalidArgumentException(f"{name}: no address is given to mail to (email)")
    return []


def _priority(template: JobTemplate, name: str, value: Any) -> Sequence[str]:
    if value > 0:
        raise UnsupportedAttributeException(
            f"{name}: {value}: Slurm lets nobody but operators raise a job's priority; from 0 down it is --nice"
        )
    return [f"--nice={-value}"] if value else []


def _reservation(template: JobTemplate, name: str, value: Any) -> Sequence[str]:
    return [f"--reservation={_plain(name, value)}"]


_READERS: Mapping[str, Callable[[JobTemplate, str, Any], Sequence[str]]] = {
    "candidate_machines": _machine,
    "min_slots": _slots,
    "max_slots": _most,
    "cpus": _cpus,
    "gpus": _gpus,
    "email": _email,
    "email_on_started": _mailed,
    "email_on_terminated": _mailed,
    "priority": _priority,
    "reservation_id": _reservation,
}
"""Attribute or extension -> the options that it becomes."""


def _memory(template: JobTemplate) -> list[str]:
    """Return the memory to reserve, which may be the bound too, the larger of both."""
    limit, least = extension(template, "memory_limit"), template.min_phys_memory
    asked = [least or 0]
    if limit not in (None, ""):
        asked.append(math.ceil(quantities.size(limit, "memory_limit") / 1024))
        if least is not None and least > asked[-1]:
            raise InvalidArgumentException("min_phys_memory: it is above memory_limit")
    return [f"--mem={max(asked)}K"] if max(asked) else []


def _options(template: JobTemplate) -> list[str]:
    """Return sbatch's own options as given.

    Raises InvalidArgumentException for one that we give, or what is none.
    """
    given = flags.options(template)
    value = False
    for word in given:
        if value:
            value = False
            continue
        if not word.startswith("-") or word in ("-", "--"):
            raise InvalidArgumentException(
                f"options: {word!r} is no option of sbatch: write --option=value in one word"
            )
        long = word.startswith("--")
        names = [word[2:].partition("=")[0]] if long else list(_letters(word[1:]))
        for name in names:
            close = [known for known in RESERVED if len(known) > 1 and known.startswith(name)] if long and name else []
            why = RESERVED.get(name) or (RESERVED[close[0]] if close and len(name) > 2 else None)
            if why:
                raise InvalidArgumentException(f"options: {word}: proctracker sets this itself: {why}")
        value = not long and len(word) == 2 and word[1] in _TAKING
    return given


def _letters(text: str) -> str:
    """The options in letters that stand together, up to the first with a value."""
    for at, letter in enumerate(text):
        if letter in _TAKING:
            return text[: at + 1]
    return text
