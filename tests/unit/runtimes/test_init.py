"""The registry."""

from __future__ import annotations

import subprocess
import sys

import pytest

from proctracker import runtimes
from proctracker.errors import InvalidArgumentException


def test_names_and_runtimes_agree() -> None:
    for name in ("process", "podman", "docker"):
        assert runtimes.get(name).name == name
        assert name in runtimes.names()
        assert runtimes.get(name) is runtimes.get(name)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(
        InvalidArgumentException, match=r"no runtime 'podmann' \(did you mean podman\?\); there are process"
    ):
        runtimes.get("podmann")


def test_a_process_job_loads_no_container_code() -> None:
    script = "import sys; from proctracker import runtimes; runtimes.get('process'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert "proctracker.runtimes.process" in loaded
    assert not {"proctracker.runtimes.podman", "proctracker.runtimes.shared", "sh", "psutil", "yaml"} & set(loaded)
