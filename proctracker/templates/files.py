"""Template files: YAML or JSON whose keys are JobTemplate's attributes."""

from __future__ import annotations

import os

from proctracker.errors import InvalidArgumentException
from proctracker.model import JobTemplate
from proctracker.templates.spec import check_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LARGEST = 2**20
"""Bytes of the largest file read, as a device may have no end."""

DEEPEST = 100
"""Levels of values within values."""

REPEATED = 10_000
"""Values that aliases may stand for beside those that are written."""


def load(path: str) -> JobTemplate:
    """Read a template, or raise InvalidArgumentException naming file, key and the nearest known one."""
    values = read(path)
    try:
        template = JobTemplate(values)
        check_values(template)
        return template
    except InvalidArgumentException as error:
        raise InvalidArgumentException(f"{path}: {error.message}") from None


def read(path: str, fd: int | None = None) -> dict[str, Any]:
    """Read a file's mapping, empty for an empty file, of descriptor ``fd``, which is closed."""
    try:
        with open(path if fd is None else fd, "rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise InvalidArgumentException(f"{path}: {error.strerror}") from None
    if len(text) > LARGEST:
        raise InvalidArgumentException(f"{path}: it is larger than {LARGEST >> 20} MiB, as no file of this kind is")
    values = _parse(path, text)
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise InvalidArgumentException(f"{path}: a mapping of names to values is expected at the top")
    return values


def _parse(path: str, text: bytes) -> Any:
    kind = "JSON" if os.path.splitext(path)[1].lower() == ".json" else "YAML"
    try:
        return _json(path, text) if kind == "JSON" else _yaml(path, text)
    except RecursionError:
        raise InvalidArgumentException(f"{path}: no {kind} for us: its values are nested too deep") from None


def _json(path: str, text: bytes) -> Any:
    import json

    try:
        found = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    except ValueError as error:
        raise InvalidArgumentException(f"{path}: no JSON: {error}") from None
    _count_levels(found, DEEPEST)
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no number")


def _count_levels(value: Any, left: int) -> None:
    """Raise RecursionError for a value that holds more levels of others than are left."""
    if not left:
        raise RecursionError
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _count_levels(each, left - 1)


def _yaml(path: str, text: bytes) -> Any:
    import yaml

    kind = _loader(yaml)
    try:
        levels = 0
        for event in yaml.parse(text, Loader=kind):  # which builds nothing: the parser in C has no limit of its own
            levels += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if levels > DEEPEST:
                raise RecursionError
        loader = kind(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            expanded, levels = Nodes(yaml).size(node)
            if expanded > REPEATED + len(text):
                raise ValueError(f"its aliases stand for {expanded} values")
            if levels > DEEPEST:
                raise RecursionError
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        raise InvalidArgumentException(f"{path}{line}: no YAML: {getattr(error, 'problem', None) or error}") from None


class Nodes:
    """The nodes of a YAML document, before anything is made of them."""

    def __init__(self, yaml: Any) -> None:
        self._yaml = yaml
        self._sizes: dict[int, tuple[int, int]] = {}
        """Nodes by identity -> their sizes, (0, 0) as long as a node below may refer to it."""

    def size(self, node: Any) -> tuple[int, int]:
        """Count the values and levels of a node, aliases as what they repeat.

        Raises YAMLError for one that is within itself, and for a key that is there twice.
        """
        known = self._sizes.get(id(node))
        if known == (0, 0):
            raise self._yaml.MarkedYAMLError(problem="an anchor that refers to itself", problem_mark=node.start_mark)
        if known is None:
            self._sizes[id(node)] = (0, 0)
            below = [self.size(each) for each in self._below(node)]
            known = 1 + sum(size for size, _ in below), 1 + max((levels for _, levels in below), default=0)
            self._sizes[id(node)] = known
        return known

    def _below(self, node: Any) -> list[Any]:
        if isinstance(node, self._yaml.SequenceNode):
            return list(node.value)
        if not isinstance(node, self._yaml.MappingNode):
            return []
        keys = set()
        for key, _ in node.value:
            word = (key.tag, key.value) if isinstance(key, self._yaml.ScalarNode) else None
            if word in keys:
                problem = f"{key.value!r} is there twice"
                raise self._yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            if word:
                keys.add(word)
        return [each for pair in node.value for each in pair]


def _loader(yaml: Any) -> Any:
    """Return a safe loader for which ``22:22`` is text, not a number to the base of 60."""

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    def read(loader: Any, node: Any) -> Any:
        kind = node.tag.rpartition(":")[2]
        return node.value if ":" in node.value else getattr(loader, f"construct_yaml_{kind}")(node)

    for kind in ("int", "float"):
        Loader.add_constructor(f"tag:yaml.org,2002:{kind}", read)
    return Loader
