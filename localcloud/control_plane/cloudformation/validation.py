"""Properties against their resource schema, as pre-deployment validation has it.

Reference: "Validate stack deployments" in the CloudFormation guide ("Property syntax validation": required properties,
supported properties, types, allowed values, patterns). The reasons are worded as they have been seen on AWS where they
have: required, unsupported, type, allowed values, unique elements; the others as its JSON schema validator words them.

Of cfn-lint's additions to the schemas (requiredXor and the like) nothing is used: AWS does not have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from localcloud.control_plane.cloudformation.schemas import Node, named
from localcloud.control_plane.cloudformation.values import coerced, text


class Unknown:
    """A value that is known at deployment only, such as another resource's attribute: anything is right."""


UNKNOWN = Unknown()

_JSON_TYPES = {
    "string": "String",
    "integer": "Integer",
    "number": "Number",
    "boolean": "Boolean",
    "array": "JSONArray",
    "object": "JSONObject",
}


@dataclass(frozen=True)
class Problem:
    """`path`: members and indices below Properties, joined by slashes; empty for the properties as a whole."""

    path: str
    reason: str


def problems(properties: Mapping[str, Any], schema: Node) -> list[Problem]:
    read_only = named(schema, "readOnlyProperties") - named(schema, "createOnlyProperties")
    found = [Problem("", f"Unsupported property [{name}]") for name in properties if name in read_only]
    return found + list(_check(properties, schema, ""))


def _check(value: Any, node: Node, path: str) -> Iterator[Problem]:
    if isinstance(value, Unknown):
        return
    value = coerced(value, node)
    if not _fits(value, node):
        expected = _JSON_TYPES.get(node.types[0], node.types[0])
        yield Problem(path, f"Property [{_last(path)}] expected type: {expected}, found: {_json_type(value)}")
        return
    allowed = node.keywords.get("enum") or ([node.keywords["const"]] if "const" in node.keywords else None)
    if allowed and text(value) not in [text(one) for one in allowed]:
        supported = ", ".join(text(one) for one in allowed)
        yield Problem(path, f"{text(value)} is not a valid enum value. Supported values: [{supported}]")
    if isinstance(value, Mapping):
        yield from _members(value, node, path)
    elif isinstance(value, list):
        yield from _elements(value, node, path)
    elif isinstance(value, str):
        yield from _string(value, node, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, node, path)
    yield from _combinations(value, node, path)


def _members(value: Mapping[str, Any], node: Node, path: str) -> Iterator[Problem]:
    for name in node.keywords.get("required") or ():
        if name not in value:
            yield Problem(path, f"Required property [{name}] not found")
    patterns = node.keywords.get("patternProperties") or {}
    for name, member in value.items():
        below = _join(path, name)
        known = node.member(name)
        if known is not None:
            yield from _check(member, known, below)
            continue
        matching = [one for pattern, one in patterns.items() if _pattern(pattern).search(name)]
        for one in matching:
            yield from _check(member, node.branch(one), below)
        if not matching and node.keywords.get("additionalProperties") is False:
            yield Problem(path, f"Unsupported property [{name}]")


def _elements(value: list[Any], node: Node, path: str) -> Iterator[Problem]:
    fewest, most = node.keywords.get("minItems", 0), node.keywords.get("maxItems", len(value))
    if len(value) < fewest:
        yield _limit(path, f"expected minimum item count: {fewest}, found: {len(value)}")
    if len(value) > most:
        yield _limit(path, f"expected maximum item count: {most}, found: {len(value)}")
    if node.keywords.get("uniqueItems") and not _contains_unknown(value):
        written = [text(one) for one in value]
        if len(set(written)) < len(written):
            yield _limit(path, "array items are not unique")
    item = node.item()
    if item is not None:
        for index, element in enumerate(value):
            yield from _check(element, item, _join(path, str(index)))


def _string(value: str, node: Node, path: str) -> Iterator[Problem]:
    shortest, longest = node.keywords.get("minLength", 0), node.keywords.get("maxLength", len(value))
    if len(value) < shortest:
        yield _limit(path, f"expected minLength: {shortest}, actual: {len(value)}")
    if len(value) > longest:
        yield _limit(path, f"expected maxLength: {longest}, actual: {len(value)}")
    pattern = node.keywords.get("pattern")
    if pattern and not _pattern(pattern).search(value):
        yield _limit(path, f"string [{value}] does not match pattern {pattern}")


def _number(value: float, node: Node, path: str) -> Iterator[Problem]:
    lowest, highest = node.keywords.get("minimum", value), node.keywords.get("maximum", value)
    if value < lowest:
        yield _limit(path, f"{value} is not greater or equal to {lowest}")
    if value > highest:
        yield _limit(path, f"{value} is not less or equal to {highest}")


def _combinations(value: Any, node: Node, path: str) -> Iterator[Problem]:
    for branch in node.keywords.get("allOf") or ():
        yield from _check(value, node.branch(branch), path)
    for keyword in ("anyOf", "oneOf"):
        branches = node.keywords.get(keyword) or ()
        if branches and all(any(_check(value, node.branch(one), path)) for one in branches):
            yield _limit(path, f"#: no subschema matched out of the total {len(branches)} subschemas")
    for name, needed in (node.keywords.get("dependencies") or {}).items():
        if isinstance(value, Mapping) and name in value and isinstance(needed, list):
            for missing in (one for one in needed if one not in value):
                yield _limit(path, f"property [{missing}] is required")


_FITTING: tuple[tuple[type, set[str]], ...] = (
    (dict, {"object"}),
    (list, {"array"}),
    (bool, {"boolean", "string"}),
    (int, {"integer", "number", "string"}),
    (float, {"number", "string"}),
    (str, {"string"}),
)
"""What a value's schema may say of it, first match: numbers and flags can always be text."""


def _fits(value: Any, node: Node) -> bool:
    fitting = next((types for kind, types in _FITTING if isinstance(value, kind)), set())
    return not node.types or bool(fitting & set(node.types))


def _json_type(value: Any) -> str:
    if isinstance(value, Mapping):
        return "JSONObject"
    return "JSONArray" if isinstance(value, list) else "String"


def _contains_unknown(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_contains_unknown(one) for one in value.values())
    if isinstance(value, list):
        return any(_contains_unknown(one) for one in value)
    return isinstance(value, Unknown)


def _limit(path: str, reason: str) -> Problem:
    return Problem(path, f"#/{path}: {reason}" if path else f"#: {reason.removeprefix('#: ')}")


def _join(path: str, part: str) -> str:
    return f"{path}/{part}" if path else part


def _last(path: str) -> str:
    return path.rpartition("/")[2]


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """One that Python does not understand admits everything: AWS's own engine is another."""
    try:
        return re.compile(pattern)
    except re.error:
        return re.compile("")
