"""Templates, infos, versions."""

from __future__ import annotations

from proctracker import model
from proctracker.compat.gridengine import structs


def test_attributes_are_those_of_drmaa2() -> None:
    assert set(structs.JobTemplate.fields) == set(model.JobTemplate.names())
    for kind in ("QueueInfo", "ReservationInfo", "ReservationTemplate", "MachineInfo"):
        ours = set(getattr(model, kind).names())
        assert ours - {"implementation_specific"} <= {*getattr(structs, kind).fields}, kind


def test_versions() -> None:
    drmaa = structs.Version.get_drmaa_version()
    assert (drmaa.major, drmaa.minor) == ("2", "2")
    assert structs.Version.get_implementation_specific_attrs() == {}
    assert structs.Version.get_drms_version().to_dict().keys() == {"major", "minor", "implementation_specific"}


def test_sudo() -> None:
    assert structs.Sudo(username="a", sudo_dict={"groupname": "b"}).to_dict() == {"username": "a", "groupname": "b"}


def test_extensions() -> None:
    assert "memory_limit" in structs.JobTemplate.get_implementation_specific_keys()
