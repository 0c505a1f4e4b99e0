"""The public names."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import proctracker
from proctracker import model, runtimes, store, templates


def test_public_names_are_there_once() -> None:
    assert len(proctracker.__all__) == len({*proctracker.__all__}) > 80
    for module in (proctracker, model, store, templates, runtimes):
        assert all(hasattr(module, name) for name in getattr(module, "__all__", ())), module.__name__


@pytest.mark.parametrize("package", [proctracker, model])
def test_the_stub_has_the_same_names_from_the_same_places(package: ModuleType) -> None:
    tree = ast.parse(Path(str(package.__file__)).with_suffix(".pyi").read_text())
    found = {
        (name.asname, str(node.module)) for node in tree.body if isinstance(node, ast.ImportFrom) for name in node.names
    }
    assert {name for name, _ in found} == {*package.__all__} - {"__version__"}
    for name, place in found:
        assert getattr(import_module(place), str(name)) is getattr(package, str(name))


@pytest.mark.parametrize(
    "what",
    [
        "from proctracker.supervisor import main; main._load()",
        "from proctracker.cli.main import main; main(['submit', '--', 'true'])",
        "from proctracker.cli.main import main; main(['ps'])",
    ],
)
def test_what_costs_much_to_load_is_not_loaded(what: str, home: store.Home) -> None:
    home.prepare()  # the very first command makes a UUID, whose module loads more in Python 3.9
    heavy = {"typing", "dataclasses", "inspect", "logging", "psutil", "sh", "subprocess"}
    code = f"import sys; before = {{*sys.modules}}\n{what}\nprint(sorted({heavy} & {{*sys.modules}} - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
