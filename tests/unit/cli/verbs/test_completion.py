"""Completion as shells do it; bash is everywhere, zsh and fish are asked where they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Any

import pytest

from proctracker.cli.verbs.completion import SCRIPTS


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """``proctracker`` is a command."""
    monkeypatch.setenv("PATH", f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")


def complete(script: str, *words: str) -> list[str]:
    """What bash puts into COMPREPLY."""
    line = f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _proctracker; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", f"{script}\n{line}"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_asks_us(pt: Any, path: None) -> None:
    script = pt("completion", "bash").out
    pt("submit", "true")
    assert complete(script, "proctracker", "su") == ["submit", "suspend"]
    assert complete(script, "proctracker", "info", "''") == ["1"]
    assert complete(script, "proctracker", "ps", "--state", "RUN") == ["RUNNING"]
    assert complete(script, "proctracker", "run", "l") == []


@pytest.mark.parametrize("shell", [shell for shell in ("zsh", "fish") if shutil.which(shell)])
def test_other_shells_ask_us(pt: Any, path: None, shell: str) -> None:
    script = pt("completion", shell).out
    if shell == "fish":
        line = [shell, "--no-config", "-c", f"{script}\ncomplete -C 'proctracker ps --state RUN'"]
        assert subprocess.run(line, capture_output=True, text=True, check=True).stdout.split() == ["RUNNING"]
        return
    asked = "compadd() { print -l -- $@[2,-1] }; words=(proctracker ps --state RUN); CURRENT=4; _proctracker"
    done = subprocess.run(
        [shell, "-f", "-c", f"compdef() {{ }}\n{script}\n{asked}"], capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr) == (["RUNNING"], "")


def test_an_unknown_shell_is_wrong_usage(pt: Any) -> None:
    found = pt("completion", "csh")
    assert found.code == 2 and "bash, zsh or fish" in found.err
    assert [pt("completion", shell).out for shell in SCRIPTS] == list(SCRIPTS.values())
