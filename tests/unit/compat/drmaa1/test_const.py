"""The binding's constants: names, values, types."""

from __future__ import annotations

import pytest

from proctracker.compat.drmaa1 import const


def test_bytes_and_text_are_as_in_the_binding() -> None:
    assert const.JOB_IDS_SESSION_ALL == b"DRMAA_JOB_IDS_SESSION_ALL"
    assert const.PLACEHOLDER_INCR == b"$drmaa_incr_ph$"
    assert const.V_ARGV == b"drmaa_v_argv"
    assert const.SUBMISSION_STATE_HOLD == "drmaa_hold"
    assert (const.TIMEOUT_WAIT_FOREVER, const.TIMEOUT_NO_WAIT, const.SIGNAL_BUFFER) == (-1, 0, 32)


def test_numbers_of_the_c_library() -> None:
    assert const.job_state(0x22) == const.status_to_string(0x22) == "user_suspended"
    assert const.control_action_to_string(4) == "terminate"
    assert const.string_to_control_action("release") == 3
    assert const.submission_state(1) == "drmaa_active"
    with pytest.raises(ValueError):
        const.string_to_control_action("reap")
