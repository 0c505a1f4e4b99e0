"""``doctor``."""

from __future__ import annotations

import json
import os

from proctracker.cli import doctor


def test_it_looks_at_everything_and_starts_nothing(pt, home):
    found = json.loads(pt("doctor", "--json").out)
    assert {"proctracker", "state directory", "file system", "limits", "tracker process"} <= {
        each["name"] for each in found
    }
    assert all(each["grade"] in doctor._GRADES for each in found)
    assert not home.check()


def test_it_fails_if_the_default_tracker_cannot_work(pt):
    assert pt("doctor").code == 0
    assert pt("-c", "nerdctl", "doctor").code == 1 or os.path.exists("/usr/local/bin/nerdctl")


def test_a_state_directory_others_can_write_to_is_a_fault(pt, home):
    pt("run", "true")
    os.chmod(home.path, 0o777)
    found = pt("doctor")
    os.chmod(home.path, 0o700)
    assert found.code == 1
    assert "fails    state directory" in found.out
