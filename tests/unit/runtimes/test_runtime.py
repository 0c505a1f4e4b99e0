"""What a runtime honours, and what it refuses."""

from __future__ import annotations

import pytest

from proctracker import runtimes
from proctracker.errors import UnsupportedAttributeException
from proctracker.model import EXTENSIONS, JobTemplate
from proctracker.runtimes import runtime as module


def test_refuse_names_attribute_runtime_and_reason() -> None:
    podman = runtimes.get("podman")
    with pytest.raises(
        UnsupportedAttributeException, match=r"min_phys_memory: podman cannot honour it: .*memory_limit"
    ):
        module.refuse(podman, JobTemplate(min_phys_memory=1))
    module.refuse(podman, JobTemplate(stage_in_files={}))


@pytest.mark.parametrize("name", ["exposedPorts", "exposed_ports"])
def test_refuse_takes_both_spellings(name: str) -> None:
    with pytest.raises(UnsupportedAttributeException, match=f"^{name}: process"):
        module.refuse(runtimes.get("process"), JobTemplate(implementation_specific={name: "x"}))
    module.refuse(runtimes.get("podman"), JobTemplate(implementation_specific={name: "x"}))


@pytest.mark.parametrize("name", ["process", "podman", "docker"])
def test_every_extension_is_honoured_or_refused_by_name(name: str) -> None:
    runtime = runtimes.get(name)
    assert set(EXTENSIONS) == {*runtime.extensions} | {key for key in runtime.unsupported if key in EXTENSIONS}
