"""Reads of the CLIs' own configuration files what decides which engine they talk to."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

_TABLE = r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?"
_TEXT = r"""\s*([A-Za-z0-9_-]+|"[^"]+")\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*')\s*(#.*)?"""


def json_object(text: str | None) -> Mapping[str, Any]:
    """Parse a JSON object, or return an empty one."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def toml_texts(text: str | None, table: str = "") -> dict[str, str]:
    """Read the texts of one table of a TOML file, the first by default."""
    found, at = {}, ""
    for line in (text or "").splitlines():
        begins, pair = re.fullmatch(_TABLE, line), re.fullmatch(_TEXT, line)
        if begins:
            at = begins[1]
        elif pair and at == table:
            value = pair[2]
            found[pair[1].strip('"')] = value[1:-1] if value[0] == "'" else str(json.loads(value))
    return found
