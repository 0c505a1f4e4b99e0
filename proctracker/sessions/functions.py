"""Offers the module functions of DRMAA2's Python binding, by one SessionManager."""

from __future__ import annotations

from proctracker.model import Version
from proctracker.sessions.manager import SessionManager

default = SessionManager()

create_job_session = default.create_job_session
open_job_session = default.open_job_session
job_session = default.job_session
destroy_job_session = destroy_session = default.destroy_job_session
get_job_session_names = default.get_job_session_names
open_monitoring_session = default.open_monitoring_session
create_reservation_session = default.create_reservation_session
open_reservation_session = default.open_reservation_session
destroy_reservation_session = default.destroy_reservation_session
get_reservation_session_names = default.get_reservation_session_names
supports = drmaa_supports = default.supports
register_event_notification = default.register_event_notification
describe_attribute = default.describe_attribute
get_instance_value = default.get_instance_value
set_instance_value = default.set_instance_value
submit = default.submit
run = default.run
drms_name = default.drms_name
drms_version = default.drms_version
drmaa_name = default.drmaa_name
drmaa_version = default.drmaa_version


def get_drms_name() -> str:
    """Return the name of what runs the jobs, as the Grid Engine binding has this and the next three."""
    return default.drms_name


def get_drms_version() -> Version:
    """The version of what runs the jobs."""
    return default.drms_version


def get_drmaa_name() -> str:
    """The name of this implementation."""
    return default.drmaa_name


def get_drmaa_version() -> Version:
    """The version of DRMAA implemented."""
    return default.drmaa_version
