"""The module functions are those of one manager, and cost nothing until used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import proctracker as pt
from proctracker.sessions import functions


def test_they_are_the_default_managers() -> None:
    assert pt.create_job_session == functions.default.create_job_session
    assert pt.destroy_session == pt.destroy_job_session
    assert pt.drmaa_supports == pt.supports


def test_importing_the_package_is_cheap() -> None:
    code = "import sys; before = {*sys.modules}; import proctracker; print(*({*sys.modules} - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {*done.stdout.split()} <= {"proctracker", "__future__"}


def test_every_public_name_comes_from_somewhere() -> None:
    assert {*pt._WHERE} | {"__version__"} == {*pt.__all__} == {*dir(pt)}
    with pytest.raises(AttributeError, match="nothing"):
        pt.nothing  # noqa: B018


def test_no_heavy_import_for_a_submit() -> None:
    code = (
        "import proctracker as pt, sys; pt.submit; print(*{'sh', 'psutil', 'yaml', 'asyncio', 'uuid'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
