"""What a runtime honours, and what it refuses."""

from __future__ import annotations

from typing import Any

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


@pytest.mark.parametrize(
    "values",
    [
        {"email": ["a@example.org"]},
        {"email": ["a@example.org"], "email_on_started": True},
        {"email": ["a@example.org"], "email_on_terminated": True},
        {"reservation_id": "1"},
        {"queue_name": "all.q"},
        {"max_slots": 2},
        {"accounting_id": "p1"},
    ],
)
def test_what_schedulers_alone_honour_is_refused_by_all_others(values: dict[str, Any]) -> None:
    template = JobTemplate({"remote_command": "x", **values})
    for name in runtimes.names():
        if runtimes.get(name).batch:
            module.refuse(runtimes.get(name), template)
            continue
        with pytest.raises(UnsupportedAttributeException, match=f"^{next(iter(values))}: {name} cannot honour it: "):
            module.refuse(runtimes.get(name), template)


@pytest.mark.parametrize("name", ["exposedPorts", "exposed_ports"])
def test_refuse_takes_both_spellings(name: str) -> None:
    with pytest.raises(UnsupportedAttributeException, match=f"^{name}: process"):
        module.refuse(runtimes.get("process"), JobTemplate(implementation_specific={name: "x"}))
    module.refuse(runtimes.get("podman"), JobTemplate(implementation_specific={name: "x"}))


@pytest.mark.parametrize("name", ["process", "podman", "docker"])
def test_every_extension_is_honoured_or_refused_by_name(name: str) -> None:
    runtime = runtimes.get(name)
    assert set(EXTENSIONS) == {*runtime.extensions} | {key for key in runtime.unsupported if key in EXTENSIONS}
