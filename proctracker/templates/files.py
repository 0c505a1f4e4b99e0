"""Template files: YAML or JSON whose keys are JobTemplate's attributes."""

from __future__ import annotations

import os

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobTemplate
from proctracker.templates.spec import check_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def load(path: str) -> JobTemplate:
    """Read a template. Raises InvalidArgumentException naming the file, the key, and the nearest known one."""
    values = read(path)
    try:
        template = JobTemplate(values)
        check_values(template)
        return template
    except InvalidArgumentException as error:
        raise InvalidArgumentException(f"{path}: {error.message}") from None


def read(path: str) -> dict[str, Any]:
    """A file's mapping; an empty file is an empty one."""
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError as error:
        raise InvalidArgumentException(f"{path}: {error.strerror}") from None
    values = _parse(path, text)
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InvalidArgumentException(f"{path}: a mapping of names to values is expected at the top")
    return values


def _parse(path: str, text: bytes) -> Any:
    if os.path.splitext(path)[1].lower() == ".json":
        import json

        try:
            return json.loads(text)
        except ValueError as error:
            raise InvalidArgumentException(f"{path}: no JSON: {error}") from None
    import yaml

    try:
        return yaml.load(text, Loader=_loader(yaml))  # noqa: S506 (a safe loader, in C where there is one)
    except (yaml.YAMLError, ValueError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise InvalidArgumentException(f"{path}{line}: no YAML: {getattr(error, 'problem', None) or error}") from None


def _loader(yaml: Any) -> Any:
    """A safe loader for which ``22:22`` and ``1:30`` are text, not numbers to the base of 60 as in YAML 1.1."""

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    def read(loader: Any, node: Any) -> Any:
        kind = node.tag.rpartition(":")[2]
        return node.value if ":" in node.value else getattr(loader, f"construct_yaml_{kind}")(node)

    for kind in ("int", "float"):
        Loader.add_constructor(f"tag:yaml.org,2002:{kind}", read)
    return Loader
