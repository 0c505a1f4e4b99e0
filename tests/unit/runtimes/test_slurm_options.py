"""Attributes and extensions as options of sbatch."""

from __future__ import annotations

import pytest

from proctracker.errors import Drmaa2Exception
from proctracker.model import JobTemplate
from proctracker.runtimes import slurm_options
from proctracker.runtimes.base import Engine


def words(attributes, **options):
    return slurm_options.words(JobTemplate({"remote_command": "x", **attributes}), Engine(("sbatch",), options))


def ext(**values):
    return {"implementation_specific": values}


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({}, []),
        ({"queue_name": "gpu"}, ["--partition=gpu"]),
        ({"accounting_id": "proj1"}, ["--account=proj1"]),
        ({"candidate_machines": ["n1"]}, ["--nodelist=n1"]),
        ({"min_slots": 4}, ["--ntasks=4"]),
        ({"min_slots": 2, "max_slots": 8}, ["--ntasks=2"]),
        ({"max_slots": 8}, []),
        ({"min_phys_memory": 2048}, ["--mem=2048K"]),
        (ext(memory_limit="1G"), ["--mem=1048576K"]),
        ({"min_phys_memory": 1024, **ext(memory_limit="1500")}, None),
        (ext(cpus=4), ["--cpus-per-task=4"]),
        (ext(cpus="1.5"), None),
        (ext(gpus=2), ["--gres=gpu:2"]),
        (ext(gpus="a100:1"), ["--gres=gpu:a100:1"]),
        (ext(gpus="all"), None),
        ({"email": ["me@x.org"]}, ["--mail-user=me@x.org", "--mail-type=END,FAIL"]),
        ({"email": ["me@x.org"], "email_on_started": True}, ["--mail-user=me@x.org", "--mail-type=BEGIN"]),
        ({"email_on_started": True}, None),
        ({"email": ["me@x.org", "you@x.org"]}, None),
        ({"priority": -20}, ["--nice=20"]),
        ({"priority": 0}, []),
        ({"priority": 5}, None),
        ({"reservation_id": "res1"}, ["--reservation=res1"]),
        ({"candidate_machines": ["n1", "n2"]}, None),
        ({"min_slots": 4, "max_slots": 2}, None),
        ({"queue_name": "-x"}, None),
        ({"queue_name": "a b"}, None),
        (ext(options=["--constraint=fast", "-C", "x", "-N1"]), ["--constraint=fast", "-C", "x", "-N1"]),
    ],
)
def test_mapped_or_refused(attributes, wanted):
    if wanted is None:
        with pytest.raises(Drmaa2Exception) as caught:
            words(attributes)
        assert "\n" not in str(caught.value)
    else:
        assert words(attributes) == wanted


def test_the_contact_gives_what_the_template_does_not():
    contact = {"partition": "p", "account": "a", "qos": "q", "cluster": "c"}
    assert words({}, **contact) == ["--partition=p", "--account=a", "--qos=q", "--clusters=c"]
    assert words({"queue_name": "mine"}, **contact)[0] == "--partition=mine"


@pytest.mark.parametrize(
    "option",
    ["--time=5", "-t5", "-t", "--job-name=x", "-Jx", "-HJ", "--export=NONE", "--exp=NONE", "--array=1-3", "-a1", "--wrap=x",
     "--output=x", "--test-only", "--no-requeue", "--clusters=x", "--nice=3", "script.sh", "-", "--"],
)  # fmt: skip
def test_options_of_our_own_are_refused(option):
    with pytest.raises(Drmaa2Exception, match="options: "):
        words(ext(options=[option]))


def test_every_attribute_is_mapped_or_refused_or_somebody_elses():
    others = (
        "remote_command args submit_as_hold rerunnable job_environment working_directory job_category job_name input_path"
        " output_path error_path join_files machine_os start_time deadline_time resource_limits implementation_specific"
    ).split()
    known = {
        *slurm_options._READERS,
        *slurm_options.UNSUPPORTED,
        "queue_name",
        "accounting_id",
        "min_phys_memory",
        *others,
    }
    assert set(JobTemplate.names()) <= known
