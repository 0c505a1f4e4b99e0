"""Monitoring sessions of the binding."""

from __future__ import annotations

import pytest

from proctracker.compat.gridengine import InvalidSession, JobSession, MonitoringSession, UnsupportedOperation


def test_looks(js: JobSession) -> None:
    job = js.run_job({"remote_command": "true"})
    monitor = MonitoringSession("m")
    assert job.id in [each.id for each in monitor.get_all_jobs(None)]
    (machine,) = monitor.get_all_machines(None)
    assert (machine.machine_os, machine.available) == ("LINUX", "TRUE") and machine.phys_memory > 0
    assert isinstance(monitor.get_all_queues(None), list)
    with pytest.raises(UnsupportedOperation):
        monitor.get_all_reservations(None)
    monitor.close()
    with pytest.raises(InvalidSession):
        monitor.get_all_jobs(None)
    monitor.open()
    assert monitor.name == "m" and monitor.get_all_machines(["elsewhere"]) == []
