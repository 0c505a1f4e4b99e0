"""Python calls as jobs: what an executor promises, on every runtime."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import image
import proctracker as pt
from contract.kit import LONG, Kit

_PYTHON = os.path.realpath(sys.executable)
_LIBRARIES = ("/lib", "/lib64", "/usr/lib")


def executor_of(kit: Kit, session: pt.JobSession, **more: Any) -> pt.JobExecutor:
    """An executor whose jobs have this Python: an image of busybox finds it and its libraries in volumes."""
    if kit.image:
        folders = {sys.base_prefix: sys.base_prefix, **{each: os.path.realpath(each) for each in _LIBRARIES}}
        volumes = [f"{real}:{name}:ro" for name, real in folders.items() if os.path.isdir(real)]
        more = {"job_category": kit.image, "volumes": volumes, "remote_command": _PYTHON, **more}
    return pt.JobExecutor(session, **more)


def test_calls_return_and_raise(kit: Kit, session: pt.JobSession) -> None:
    with executor_of(kit, session) as executor:
        if kit.image:
            assert executor.submit(os.path.exists, "/bin/busybox").result(LONG)
        assert list(executor.map(divmod, [7, 9], [2, 3], timeout=LONG)) == [(3, 1), (3, 0)]
        assert isinstance(executor.submit(divmod, 1, 0).exception(LONG), ZeroDivisionError)
    assert os.listdir(session._place.home.calls) == []


def test_a_call_that_ends_its_process_is_told_of(kit: Kit, session: pt.JobSession) -> None:
    with executor_of(kit, session) as executor:
        error = executor.submit(os._exit, 7).exception(LONG)
    assert isinstance(error, pt.JobFailedException) and error.info.exit_status == 7
    assert os.listdir(session._place.home.calls) == []


def test_where_there_is_no_python_the_call_says_so(kit: Kit, session: pt.JobSession) -> None:
    more = {"volumes": None, "remote_command": None} if kit.image else {"remote_command": "/no/python3"}
    with executor_of(kit, session, **more) as executor:
        error = executor.submit(abs, -1).exception(LONG)
    assert isinstance(error, pt.JobFailedException) and error.info.exit_status == 127
    version = "{}.{}".format(*sys.version_info)
    assert not kit.image or f"needs Python {version} in its image" in error.message
    assert os.listdir(session._place.home.calls) == []


def test_an_image_that_tells_of_another_python(kit: Kit, session: pt.JobSession, tmp_path: Path) -> None:
    if kit.runtime not in ("podman", "docker"):
        # No image, no command that tells what is in one (ctr), or a replay of one image: then the job tells.
        executor_of(kit, session).shutdown()
        return
    name = "localhost/otherpython:test"
    kit.bare("load", "-i", image.write(str(tmp_path / "image.tar"), name, Env=["PATH=/bin", "PYTHON_VERSION=3.1.5"]))
    with pytest.raises(pt.InvalidArgumentException, match=r"otherpython:test has Python 3\.1\.5, calls .* need 3"):
        pt.JobExecutor(session, job_category=name)
