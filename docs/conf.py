"""Sphinx's configuration: ``tox -e docs`` builds the pages, and fails on a warning."""

from __future__ import annotations

import os
import sys
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import proctracker
from proctracker.cli import manual
from proctracker.cli.commands import COMMANDS

project = "proctracker"
copyright = "the proctracker authors"
version = release = proctracker.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
html_theme = "furo"
html_title = f"proctracker {version}"
html_show_sourcelink = False
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"exclude-members": "__init__, __new__"}


class Commands(Directive):
    """Each command with what its ``--help`` shows."""

    def run(self) -> list[nodes.Node]:
        """A section for each."""
        found: list[nodes.Node] = [_section("Overview", manual.overview())]
        found += [_section(name, manual.help_of(command)) for name, command in COMMANDS.items()]
        return found


def _section(name: str, text: str) -> nodes.section:
    section = nodes.section(ids=[nodes.make_id(f"command-{name}")])
    section += nodes.title(name, name)
    section += nodes.literal_block(text, text, language="text")
    return section


def _plain(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Our docstrings are text: stars and bars mean nothing in them."""
    lines[:] = [line.replace("*", "\\*").replace("|", "\\|") for line in lines]


def setup(app: Any) -> None:
    """Sphinx calls this."""
    app.add_directive("commands", Commands)
    app.connect("autodoc-process-docstring", _plain)
