"""A job in an image on a node: by apptainer, whose processes are Slurm's as any others, or by podman where that is named.

podman's containers are none of Slurm's: they get a name, by which the program on the node ends and removes them.
"""

from __future__ import annotations

from proctracker.errors import InvalidArgumentException, UnsupportedAttributeException
from proctracker.model import JobTemplate, extension, nearest
from proctracker.runtimes import flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Sequence

OPTION = "engine"
"""The contact's option that names what runs images on nodes."""

PODMAN = "podman"
ENGINES = ("apptainer", PODMAN)

ONLY_IMAGES = ("volumes", "entrypoint")
"""Extensions that mean nothing without an image."""


def named(template: JobTemplate, options: Mapping[str, str]) -> str | None:
    """Return what runs the job in a container with a name, if anything does.

    Raises InvalidArgumentException for an engine that nobody knows.
    """
    engine = options.get(OPTION) or ENGINES[0]
    if engine not in ENGINES:
        raise InvalidArgumentException(
            f"contact: {OPTION}={engine}: images are run by {' or '.join(ENGINES)}{nearest(engine, ENGINES)}"
        )
    return engine if engine == PODMAN and template.job_category else None


def front(template: JobTemplate, directory: str, options: Mapping[str, str]) -> Sequence[str]:
    """Return what goes in front of a job's command for its image, behind ``podman run`` and the name where that runs it.

    Raises UnsupportedAttributeException for what is for images only, InvalidArgumentException for what is no image.
    """
    engine = named(template, options)
    if not template.job_category:
        for name in ONLY_IMAGES:
            if extension(template, name) not in (None, "", []):
                raise UnsupportedAttributeException(f"{name}: it is for images: name one as job_category")
        return ()
    if engine == PODMAN:
        entrypoint, rest = flags.entrypoint_words(template)
        return (
            *("--network=host", "--env-host", "--log-driver=none"),
            *flags.extension_words(template, {"volumes": "--volume"}, {"volumes": flags.volumes}, directory),
            *([f"--workdir={directory}"] if template.working_directory else []),
            *entrypoint,
            flags.image(template),
            *rest,
        )
    return (
        *("apptainer", "exec"),
        *flags.extension_words(template, {"volumes": "--bind"}, {"volumes": flags.volumes}, directory),
        *([f"--pwd={directory}"] if template.working_directory else []),
        flags.image(template),
        *flags.each("entrypoint", extension(template, "entrypoint") or []),
    )
