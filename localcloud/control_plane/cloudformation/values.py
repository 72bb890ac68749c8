"""Values of template properties as CloudFormation takes them: text where the schema says number, and the reverse."""

from __future__ import annotations

import json
import re
from typing import Any

from localcloud.control_plane.cloudformation.schemas import Node

_WHOLE = re.compile(r"[+-]?\d+(\.0+)?")
_FLAGS = {"true": True, "false": False}


def coerced(value: Any, node: Node | None) -> Any:
    """A scalar in the schema's type; as it is where it does not fit, or where the schema does not say."""
    types = node.types if node else ()
    if isinstance(value, bool):
        return text(value) if "string" in types and "boolean" not in types else value
    if isinstance(value, int | float):
        return text(value) if types == ("string",) else _whole(value)
    if isinstance(value, str) and "string" not in types:
        if "boolean" in types and value.lower() in _FLAGS:
            return _FLAGS[value.lower()]
        if {"integer", "number"} & set(types):
            return number(value)
    return value


def number(value: str) -> Any:
    """The number that the text is; the text where it is none."""
    if _WHOLE.fullmatch(value):
        return int(float(value))
    try:
        return float(value)
    except ValueError:
        return value


def _whole(value: float) -> float:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def text(value: Any) -> str:
    """How CloudFormation writes a value into one line: as it is, JSON for everything that is not text."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def parsed(value: Any) -> Any:
    """The object or array that a text holds; the value itself where it holds none."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
