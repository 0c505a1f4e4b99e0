"""From DRMAA 1's templates to ours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from proctracker.compat import drmaa1
from proctracker.compat.drmaa1 import submission
from proctracker.model import JobTemplate


def given(jt: drmaa1.JobTemplate, bulk: bool = False, **attributes: Any) -> dict[str, Any]:
    for name, value in attributes.items():
        setattr(jt, name, value)
    found = submission.template(jt.values, bulk)
    JobTemplate(found)
    return found


def test_attributes(jt: drmaa1.JobTemplate) -> None:
    found = given(
        jt,
        remoteCommand="sh",
        args=["-c", 1],
        jobName="night",
        jobEnvironment={"A": 1},
        workingDirectory="$drmaa_hd_ph$/x",
        jobSubmissionState="drmaa_hold",
        hardWallclockTimeLimit=90,
        hardRunDurationLimit="0:01:00",
        startTime="2030/01/02 03:04 +00:00",
    )
    assert found.pop("start_time").timestamp() == 1893553440
    assert found == {
        "remote_command": "sh",
        "args": ["-c", "1"],
        "job_name": "night",
        "job_environment": {"A": "1"},
        "working_directory": "$DRMAA2_HOME_DIR$/x",
        "submit_as_hold": True,
        "resource_limits": {"WALLCLOCK_TIME": 60},
    }


def test_attributes_win_over_the_native_specification(jt: drmaa1.JobTemplate) -> None:
    found = given(jt, nativeSpecification="-n a -o x --error y -e A=1 -e B=2", jobName="b", outputPath=":/z")
    assert (found["job_name"], found["output_path"], found["error_path"]) == ("b", "/z", "y")
    assert given(jt, jobEnvironment={"B": "3"})["job_environment"] == {"A": "1", "B": "3"}
    joined = given(jt, joinFiles=True)
    assert joined["join_files"] is True and "error_path" not in joined


def test_paths(jt: drmaa1.JobTemplate) -> None:
    found = given(
        jt, inputPath="/in", outputPath="node1:$drmaa_wd_ph$/100%.$drmaa_incr_ph$", errorPath=":$drmaa_hd_ph$/e"
    )
    assert found["input_path"] == "/in"
    assert found["output_path"] == "$DRMAA2_WORKING_DIR$/100%%.$DRMAA2_INDEX$"
    assert found["error_path"] == "$DRMAA2_HOME_DIR$/e"


@pytest.mark.parametrize(("bulk", "name"), [(False, "night.o%j"), (True, "night.o%A.%a")])
def test_a_directory_gets_grid_engines_names(jt: drmaa1.JobTemplate, tmp_path: Path, bulk: bool, name: str) -> None:
    found = given(jt, bulk, outputPath=f":{tmp_path}", jobName="night")
    assert found["output_path"] == os.path.join(str(tmp_path), name)


def test_mail_is_for_the_tracker_to_refuse(jt: drmaa1.JobTemplate) -> None:
    assert given(jt, email=["a@b"])["email"] == ["a@b"]
    assert "email" not in given(jt, blockEmail=True)
