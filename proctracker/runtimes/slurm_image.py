"""A job in an image on a node: apptainer, whose processes are Slurm's as any others."""

from __future__ import annotations

from proctracker.errors import UnsupportedAttributeException
from proctracker.model import JobTemplate, extension
from proctracker.runtimes import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

ONLY_IMAGES = ("volumes", "entrypoint")
"""Extensions that mean nothing without an image."""


def front(template: JobTemplate, directory: str) -> Sequence[str]:
    """Return what goes in front of a job's command for its image.

    Raises UnsupportedAttributeException for what is for images only, InvalidArgumentException for what is no image.
    """
    if not template.job_category:
        for name in ONLY_IMAGES:
            if extension(template, name) not in (None, "", []):
                raise UnsupportedAttributeException(f"{name}: it is for images: name one as job_category")
        return ()
    return (
        *("apptainer", "exec"),
        *flags.extension_words(template, {"volumes": "--bind"}, {"volumes": flags.volumes}, directory),
        *([f"--pwd={directory}"] if template.working_directory else []),
        flags.image(template),
        *flags.each("entrypoint", extension(template, "entrypoint") or []),
    )
