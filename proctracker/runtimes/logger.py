"""containerd's binary logger: a shell that writes a detached task's output into files, live and apart."""

from __future__ import annotations

import shlex

_SCRIPT = """\
trap '' TERM
o=$(cat {folder}/out; echo .); e=$(cat {folder}/err; echo .)
exec 6{mode}"${{o%.}}" 7{error}
exec 5>&-
{{ cat || cat >/dev/null; }} <&3 >&6 &
{{ cat || cat >/dev/null; }} <&4 >&7 &
exec 3<&- 4<&- 6>&- 7>&-
wait
true >{folder}/done
"""
"""containerd's logger: descriptors 3 and 4 are the job's output and error, closing 5 says "ready".

The paths come as data, never as shell. Deaf to TERM, so that ``tasks delete`` returns when all has been written.
"""

_WAIT = """\
until [ -e "$0/done" ] || [ ! -d "$0" ] || [ "${n:=0}" -ge 250 ]; do sleep 0.02; n=$((n+1)); done
"""


def uri(folder: str, append: bool, joined: bool) -> str:
    """What ``--log-uri`` or ``--log-driver`` is given; 0.6 MB a job, where nerdctl's own logger takes 15."""
    from urllib.parse import quote  # here: a supervisor without containerd's jobs does without it

    mode = ">>" if append else ">"
    script = _SCRIPT.format(folder=shlex.quote(folder), mode=mode, error=">&6" if joined else f'{mode}"${{e%.}}"')
    words = [quote(word, safe="", errors="surrogateescape") for word in (script, folder)]
    return f"binary:///bin/sh?-c={words[0]}#{words[1]}"


def folder_of(text: str) -> str | None:
    """The folder of the start that a URI of ours was made for; None for others."""
    from urllib.parse import unquote, urlsplit

    found = urlsplit(text)
    return unquote(found.fragment, errors="surrogateescape") or None if found.scheme == "binary" else None


def files(folder: str, output: str, error: str) -> dict[str, bytes]:
    """The private files that tell the shell where to; it has read them once the start command returns."""
    return {
        f"{folder}/out": output.encode("utf-8", "surrogateescape"),
        f"{folder}/err": error.encode("utf-8", "surrogateescape"),
    }


def wait(folder: str) -> tuple[str, ...]:
    """A command that returns when all of an ended job's output has been written, or after 5 s.

    What the job left behind may have the streams open for ever. A start's folder that has gone is nobody's to wait for.
    """
    return ("/bin/sh", "-c", _WAIT, folder)
