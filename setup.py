"""Makes what setup.cfg cannot: the man page and the completions, from the tables that ``--help`` reads."""

import os
import sys

from setuptools import setup

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from proctracker.cli import manpage  # noqa: E402
from proctracker.cli.verbs.completion import SCRIPTS  # noqa: E402

PLACES = {
    "share/man/man1/proctracker.1": manpage.page(),
    "share/bash-completion/completions/proctracker": SCRIPTS["bash"],
    "share/zsh/site-functions/_proctracker": SCRIPTS["zsh"],
    "share/fish/vendor_completions.d/proctracker.fish": SCRIPTS["fish"],
}
"""Where a file goes below the prefix, and what it holds."""

for place, text in PLACES.items():
    path = os.path.join(HERE, "build", "data", place)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)

setup(data_files=[(os.path.dirname(place), [f"build/data/{place}"]) for place in PLACES])
