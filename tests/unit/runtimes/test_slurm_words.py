"""What Slurm's commands say, as versions 22.05, 24.11 and 26.05 said it."""

from __future__ import annotations

import pytest

from proctracker.errors import DeniedByDrmsException, DrmCommunicationException, InvalidStateException
from proctracker.model import Completed
from proctracker.runtimes import slurm_words

FAILED = "sbatch: error: Batch job submission failed: "


@pytest.mark.parametrize(
    ("said", "code", "kind", "reason"),
    [
        (f"sbatch: error: invalid partition specified: nope\n{FAILED}Invalid partition name specified\n", 1, "refused",
         "sbatch: Invalid partition name specified (invalid partition specified: nope)"),
        (f"sbatch: error: CPU count per node can not be satisfied\n{FAILED}Requested node configuration is not available\n", 1,
         "refused", "sbatch: Requested node configuration is not available (CPU count per node can not be satisfied)"),
        (f"{FAILED}Job dependency problem\n", 1, "refused", "sbatch: Job dependency problem"),
        ("sbatch: error: Invalid --time specification\n", 255, "refused", "sbatch: Invalid --time specification"),
        ("sbatch: unrecognized option '--bogus'\nTry \"sbatch --help\" for more information\n", 255, "refused",
         "sbatch: unrecognized option '--bogus'"),
        (f"{FAILED}Unable to contact slurm controller (connect failure)\n", 1, "later",
         "sbatch: Unable to contact slurm controller (connect failure)"),
        (f"{FAILED}Socket timed out on send/recv operation\n", 1, "unknown", "sbatch: Socket timed out on send/recv operation"),
        (f"{FAILED}Zero Bytes were transmitted or received\n", 1, "unknown", "sbatch: Zero Bytes were transmitted or received"),
        ("sbatch: error: If munged is up, restart with --num-threads=10\nsbatch: error: Munge encode failed: Failed to access\n"
         f"{FAILED}Protocol authentication error\n", 1, "later", None),
        ("", -9, "unknown", None),
        ("sbatch: error: fetch_config: DNS SRV lookup failed\nsbatch: fatal: Could not establish a configuration source\n", 1,
         "later", None),
        ("sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying\n", -9, "unknown", None),
        (f"{FAILED}Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)\n", 1, "later", None),
    ],
)  # fmt: skip
def test_submissions_that_failed(said, code, kind, reason):
    refusal = slurm_words.refused(Completed(("/usr/bin/sbatch",), code, "", said))
    assert refusal.kind == kind and "\n" not in refusal.reason
    assert reason in (None, refusal.reason)


def test_an_array_that_is_too_large_names_what_decides_it():
    done = Completed(("sbatch",), 1, "", f"{FAILED}Invalid job array specification\n")
    assert "MaxArraySize" in slurm_words.refused(done).reason
    assert "(1000 here)" in slurm_words.refused(done, 1000).reason


def test_a_command_that_is_not_there_is_tried_again():
    assert slurm_words.refused(Completed(("sbatch",), 127, "", "sbatch: command not found")).kind == "later"


@pytest.mark.parametrize(
    ("program", "said", "kind"),
    [
        ("scontrol", "Access/permission denied for job 2075\n", DeniedByDrmsException),
        ("scontrol", "Job is no longer pending execution for job 2075\n", InvalidStateException),
        ("scontrol", "slurm_suspend error: Invalid job id specified\n", InvalidStateException),
        ("scontrol", "Requested operation is presently disabled for job 5\n", InvalidStateException),
        ("scancel", "scancel: error: Kill job error on job id 18: Access/permission denied\n", DeniedByDrmsException),
        ("scancel", "scancel: error: Kill job error on job id 18: Unable to contact slurm controller (connect failure)\n",
         DrmCommunicationException),
    ],
)  # fmt: skip
def test_controls_that_failed(program, said, kind):
    found = slurm_words.failed(Completed((f"/usr/bin/{program}",), 1, "", said))
    assert type(found) is kind and str(found).startswith(f"{program}: ") and "\n" not in str(found)
    assert "error:" not in str(found)
