"""The man page, and what the build has the wheel install."""

from __future__ import annotations

import configparser
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from proctracker.cli import manpage, manual
from proctracker.cli.commands import COMMANDS
from proctracker.cli.options import parse_table

ROOT = Path(__file__).parents[3]


def words(page: str) -> str:
    """A page's text, its escapes undone."""
    page = re.sub(r"\\\[u([0-9A-F]{4,})\]", lambda found: chr(int(found[1], 16)), page)
    for escape, char in (("\\-", "-"), ("\\(ga", "`"), ("\\(aq", "'"), ("\\(ti", "~"), ("\\e", "\\"), ("\\&", "")):
        page = page.replace(escape, char)
    return re.sub(r"\\f[BR]", "", page)


def test_it_has_all_that_help_tells() -> None:
    page = words(manpage.page())
    lines = page.splitlines()
    for name, command in COMMANDS.items():
        assert f".SS {command.usage}".replace("…", "...") in lines
        assert set(manual.EXAMPLES[name]) <= set(lines)
        for option in parse_table(command.options):
            assert any(line.startswith(f"{', '.join(option.names)}") for line in lines), option.names
    assert [line for line in lines if line.startswith(".SH")] == [
        f".SH {name}"
        for name in "NAME,SYNOPSIS,DESCRIPTION,OPTIONS,COMMANDS,VALUES,EXIT STATUS,ENVIRONMENT,FILES".split(",")
    ]
    assert manpage.page().isascii()


def test_nothing_in_it_is_taken_for_a_request() -> None:
    assert (
        manpage._text(".hidden 'quoted' a-b \\n `x` … ü")
        == "\\&.hidden \\(aqquoted\\(aq a\\-b \\en \\(gax\\(ga ... \\[u00FC]"
    )
    known = {".TH", ".SH", ".SS", ".TP", ".PP", ".nf", ".fi", ".RS", ".RE"}
    assert {line.split()[0] for line in manpage.page().splitlines() if line.startswith(".")} == known
    assert not [line for line in manpage.page().splitlines() if line.startswith("'")]


@pytest.mark.parametrize("program", [program for program in ("groff", "mandoc") if shutil.which(program)])
def test_formatters_take_it_without_a_warning(program: str) -> None:
    argv = {"groff": ["groff", "-man", "-Tutf8", "-ww", "-z"], "mandoc": ["mandoc", "-T", "lint", "-W", "warning"]}
    done = subprocess.run(argv[program], input=manpage.page(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_wheel_installs_it_and_the_completions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("setuptools", "setuptools.build_meta", "setuptools.command.egg_info"):
        stand_in = ModuleType(name)
        stand_in.build_meta = stand_in.manifest_maker = SimpleNamespace()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(ROOT / "scripts" / "backend.py"))["_write_shared"]()
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    found = {folder: Path(file).read_text() for folder, file in config["options.data_files"].items()}
    assert found["share/man/man1"] == manpage.page()
    assert "complete -o default -F _proctracker proctracker" in found["share/bash-completion/completions"]
    assert found["share/zsh/site-functions"].startswith("#compdef proctracker\n")
    assert "complete -c proctracker" in found["share/fish/vendor_completions.d"]
