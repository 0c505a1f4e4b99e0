"""Slurm: jobs of the cluster that is there already, handed over by sbatch."""

from __future__ import annotations

from proctracker.errors import DrmCommunicationException, InvalidArgumentException
from proctracker.model import Completed, JobTemplate
from proctracker.runtimes import flags, slurm_image, slurm_options, slurm_states, slurm_words
from proctracker.runtimes.base import GENERAL_EXTENSIONS, Argv, Dialog, Engine, Launch, Request
from proctracker.runtimes.process import Process
from proctracker.runtimes.runtime import refuse
from proctracker.runtimes.slurm_batch import BATCH
from proctracker.templates import limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence

    from proctracker.model import Observation
    from proctracker.runtimes.batch import Batch


class Slurm(Process):
    """Describes sbatch of Slurm 22.05 or newer, whose scheduler is ``batch``."""

    name = "slurm"
    no_cli = "jobs of Slurm are handed over to it"
    command: Argv = ("sbatch",)
    engine_variables: Sequence[str] = (
        *("PATH", "HOME", "SLURM_CONF", "SLURM_CONF_SERVER", "LD_LIBRARY_PATH"),
        *(
            "SBATCH_ACCOUNT",
            "SBATCH_PARTITION",
            "SBATCH_QOS",
            "SBATCH_RESERVATION",
            "SBATCH_CONSTRAINT",
            "SBATCH_CLUSTERS",
        ),
    )
    contact_options: Mapping[str, str] = {**slurm_options.CONTACT, slurm_image.OPTION: ""}
    unsupported: Mapping[str, str] = slurm_options.UNSUPPORTED
    reserved: Mapping[str, str] = slurm_options.RESERVED
    extensions: Sequence[str] = (
        *GENERAL_EXTENSIONS,
        *("memory_limit", "cpus", "gpus", "options", "volumes", "entrypoint"),
    )
    batch: Batch | None = BATCH
    states: Mapping[str, str] = slurm_states.STATES

    def check(self, template: JobTemplate, engine: Engine) -> None:
        """Raise for what the template alone shows to be impossible."""
        refuse(self, template)
        if not flags.command_words(template):
            raise InvalidArgumentException("remote_command: empty, there is nothing to run")
        slurm_options.words(template, engine)
        limits.read(template.resource_limits or {})
        slurm_image.front(template, "/", engine.options)

    def launch(self, request: Request) -> Launch:
        """Raise: jobs are handed over by ``batch``."""
        self._no_cli()

    def failed_start(self, completed: Completed) -> tuple[int, str]:
        """A submission that was refused."""
        return 125, slurm_words.refused(completed).reason

    def ours(self, engine: Engine, labels: Mapping[str, str]) -> Dialog[Mapping[str, Observation]]:
        """List all jobs by Slurm's ids, without labels, as jobs carry none."""
        if labels:
            return {}
        return (yield from BATCH.listing(engine))

    def version(self, engine: Engine) -> Dialog[str]:
        """The commands' and the controller's, which has to answer."""
        mine, ping = yield [
            (*engine.command, "--version"),
            (engine.command[0].rpartition("/")[0] + "/scontrol" if "/" in engine.command[0] else "scontrol", "ping"),
        ]
        if mine.returncode or ping.returncode:
            failed = mine if mine.returncode else ping
            raise DrmCommunicationException(
                slurm_words.told(failed) if failed.stderr else f"scontrol: {ping.stdout.strip()}"
            )
        return mine.stdout.strip().rpartition(" ")[2]


RUNTIME = Slurm()
