"""Starts podman jobs with files so that podman's own words go beside them.

With ``--log-driver=passthrough`` conmon gets podman's own three descriptors, so whatever podman says is in the job's files.
Therefore podman is called with the job's output as its input, the job's errors as its output and a file of ours as its
errors (detached and with that driver it reads and prints nothing), and is given a conmon that puts them in order again.
An input of the job's is a fourth descriptor.
"""

from __future__ import annotations

from proctracker.records import replace
from proctracker.runtimes.base import Argv, Engine, Launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping

NAME = "conmon"
"""Of the file in a start's directory that stands for conmon."""

_PLACES = (
    *("/usr/libexec/podman/conmon", "/usr/local/libexec/podman/conmon", "/usr/local/lib/podman/conmon"),
    *("/usr/bin/conmon", "/usr/sbin/conmon", "/usr/local/bin/conmon", "/usr/local/sbin/conmon"),
    "/run/current-system/sw/bin/conmon",
)
"""Where podman looks (containers-common), unless its configuration says otherwise."""

_INPUT: Mapping[bool, tuple[str, str]] = {False: ("", "0</dev/null"), True: ("9<&0", "0<&9 9<&-")}
"""Whether the job has an input -> how podman gets it, how conmon does."""

_CONMON = """\
#!/bin/sh
for conmon in {places} conmon; do
  if test -x "$conmon"; then break; fi
done
case $1 in
--version) exec "$conmon" "$@" ;;
*) exec "$conmon" "$@" 2>&1 1>&0 {input} ;;
esac
"""
"""podman asks for the version first."""

_FOLDERS = '/etc/containers/containers.conf.d/*.conf "$own"/containers.conf.d/*.conf'

_CALL = """\
command=$1; shift
own=${{XDG_CONFIG_HOME:-${{HOME-}}/.config}}/containers
named() {{
  for file; do
    if test -f "$file" && grep -q '^[[:space:]]*conmon_path' "$file"; then return; fi
  done
  return 1
}}
if ! test -x "$0/{name}" || named "${{CONTAINERS_CONF_OVERRIDE-}}" "${{CONTAINERS_CONF:-$own/containers.conf}}" ||
  {{ test -z "${{CONTAINERS_CONF-}}" && named /etc/containers/containers.conf {folders}; }}
then exec "$command" "$@"; fi
exec "$command" "--conmon=$0/{name}" "$@" {input} 0>&1 1>&2 2>"$0/said"
"""
"""Reasons for which podman gets the job's streams as they are: a conmon of its own."""


def apart(launch: Launch, engine: Engine, folder: str) -> Launch:
    """Return the same start with podman's own words in the file ``said``.

    A command of several words (``sudo podman``) may hand no descriptors on, or name a conmon itself: that stays as it is.
    """
    if len(engine.command) > 1:
        return launch
    given, back = _INPUT[launch.stdin is not None]
    call = _CALL.format(name=NAME, folders=_FOLDERS, input=given)
    stands = _CONMON.format(places=" ".join(_PLACES), input=back)
    argv: Argv = ("/bin/sh", "-c", call, folder, *launch.argv)
    return replace(launch, argv=argv, files={**launch.files, f"{folder}/{NAME}": stands.encode()})
