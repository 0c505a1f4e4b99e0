"""Runs ``completion``: a script for a shell, or the words that such a script asks for."""

from __future__ import annotations

from proctracker.cli import formats
from proctracker.cli.call import Call
from proctracker.cli.options import UsageError

_ASK = "proctracker completion words --"

_BASH = f"""\
_proctracker() {{
  local IFS=$'\\n'
  COMPREPLY=($({_ASK} "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null))
  # After NAME= there is a value to come, not a space.
  [ "${{COMPREPLY[0]%=}}" = "${{COMPREPLY[0]}}" ] || compopt -o nospace 2>/dev/null
}}
complete -o default -F _proctracker proctracker
"""

_ZSH = f"""\
#compdef proctracker
_proctracker() {{
  local -a found
  found=("${{(@f)$({_ASK} "${{(@)words[2,CURRENT]}}" 2>/dev/null)}}")
  if [ -n "$found[1]" ]; then compadd -- "${{found[@]}}"; else _files; fi
}}
if [ "$funcstack[1]" = _proctracker ]; then _proctracker "$@"; else compdef _proctracker proctracker; fi
"""

_FISH = f"""\
complete -c proctracker -a '({_ASK} (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""Shell -> the script that has it ask us."""


def completion(call: Call) -> int:
    """Print a completion script, or with ``words`` what may replace the last word."""
    if call.words[:1] == ["words"]:
        from proctracker.cli.access import Access
        from proctracker.cli.candidates import candidates

        access = Access(call)
        formats.write("".join(f"{each}\n" for each in candidates(call.words[1:], access)))
        return 0
    shell = " ".join(call.words)
    if shell not in SCRIPTS:
        raise UsageError("completion: name the shell: bash, zsh or fish")
    formats.write(SCRIPTS[shell])
    return 0
