"""Builds packages by setuptools (PEP 517), with the man page and the completions made from the tables of ``--help``."""

import os
import sys

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403
from setuptools.command.egg_info import manifest_maker

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _write_shared() -> None:
    """Write what setup.cfg's ``data_files`` names."""
    sys.path.insert(0, HERE)
    from proctracker.cli import manpage
    from proctracker.cli.verbs.completion import SCRIPTS

    made = {
        "proctracker.1": manpage.page(),
        "proctracker": SCRIPTS["bash"],
        "_proctracker": SCRIPTS["zsh"],
        "proctracker.fish": SCRIPTS["fish"],
    }
    os.makedirs("build/shared", exist_ok=True)
    for name, text in made.items():
        with open(f"build/shared/{name}", "w", encoding="utf-8") as file:
            file.write(text)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    _write_shared()
    return build_meta.build_wheel(wheel_directory, config_settings, metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    _write_shared()
    return build_meta.build_editable(wheel_directory, config_settings, metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    _write_shared()
    defaults = manifest_maker.add_defaults

    def add_defaults(self):
        defaults(self)
        self.filelist.append("scripts/backend.py")  # by which the wheel is built of it

    manifest_maker.add_defaults = add_defaults
    return build_meta.build_sdist(sdist_directory, config_settings)
