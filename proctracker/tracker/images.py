"""Fetches images before a start, with progress on a terminal."""

from __future__ import annotations

import os
import tempfile

from proctracker.config import Config
from proctracker.errors import DrmCommunicationException, InvalidArgumentException
from proctracker.runner import Runner
from proctracker.tracker.contacts import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Mapping

ALWAYS, NEVER = "always", "never"
"""Values of the extension ``pull`` beside ``missing``, unset being what the CLI does."""


def fetch(target: Target, spec: Mapping[str, Any], config: Config, terminal: IO[bytes] | None = None) -> None:
    """Fetch a job's image if its template says so, or the start would, unseen.

    ``terminal``: where progress is shown; None where there is none. Raises InvalidArgumentException with the CLI's
    reason where an image could not be fetched that the start itself would not fetch.
    """
    template = spec["template"]
    image = template.get("job_category")
    policy = (template.get("implementation_specific") or {}).get("pull")
    runtime = target.runtime
    if not image or policy == NEVER or (terminal is None if runtime.pulls else policy is None):
        return
    argv = runtime.pull(target.engine, image)
    runner = Runner(target.engine, config.cli_timeout)
    if argv is None or (policy != ALWAYS and runner.converse(runtime.has_image(target.engine, image))):
        return
    with tempfile.TemporaryFile() as said:
        code = runner.copy(argv, terminal or said, terminal or said)
        if code and not runtime.pulls:
            raise InvalidArgumentException(f"job_category: {image} could not be fetched{_last_line(said)}")


def environment(target: Target, image: str, config: Config) -> Mapping[str, str]:
    """Return the variables of a category's image, as far as they are known before the start."""
    category = config.categories.get(image)
    dialog = target.runtime.image_environment(target.engine, category.image if category else image)
    try:
        return Runner(target.engine, config.cli_timeout).converse(dialog)
    except DrmCommunicationException:
        return {}


def _last_line(said: IO[bytes]) -> str:
    """Return the end of what a CLI said, but not on the terminal."""
    said.seek(0, os.SEEK_SET)
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return f": {lines[-1]}" if lines else ""
