"""The programs of the documents pass type checkers, strictly, as a user of ours would run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAMS = {
    name: block
    for page in sorted(ROOT.glob("docs/*.md"))
    for block, name in re.findall(r"^```python\n(# (\w+\.py)\n.*?)^```$", page.read_text(encoding="utf-8"), re.S | re.M)
}
"""The programs that the pages call by a name."""

CHECKERS = ["mypy", *(["basedpyright"] if shutil.which("basedpyright", path=os.path.dirname(sys.executable)) else [])]
"""mypy, and pyright in the form that needs no npm where `tox -e docs` has installed it."""


def test_the_tutorial_has_programs() -> None:
    assert {"night.py", "squares.py"} <= set(PROGRAMS)


@pytest.mark.parametrize("checker", CHECKERS)
def test_programs_are_typed(tmp_path: Path, checker: str) -> None:
    for name, block in PROGRAMS.items():
        (tmp_path / name).write_text(block)
    settings = {"typeCheckingMode": "strict", "pythonVersion": "3.9", "extraPaths": [str(ROOT)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    argv = {
        "mypy": [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--follow-imports",
            "silent",
            "--config-file",
            "",
            "--cache-dir",
            "cache",
            *PROGRAMS,
        ],
        "basedpyright": ["basedpyright", "--pythonpath", sys.executable, "."],
    }
    environ = {**os.environ, "MYPYPATH": str(ROOT), "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"}
    done = subprocess.run(argv[checker], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
