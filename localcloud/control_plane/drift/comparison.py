"""What is, compared with what the template says, property by property.

Rules ("Detect unmanaged configuration changes to stacks and resources with drift detection", CloudFormation guide):
only what the template sets is compared, so a default is never a difference. A path is a JSON pointer into the
resource's properties. ADD: an element more in an array, or a member more in a document; REMOVE: something that the
template sets is not there; NOT_EQUAL: another value.

An array's order counts unless its schema says otherwise, or its elements have something that identifies them (a tag's
key); in documents, such as policies, it never does. Elements belong together by what identifies them, else by being
equal; what is left over belongs together when there is just one on either side, so that a changed rule is shown as
what changed in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.control_plane.cloudformation.schemas import Node
from localcloud.control_plane.cloudformation.values import coerced, parsed, text

IDENTITIES = (
    "Key",
    "PolicyName",
    "LifecycleHookName",
    "DeviceName",
    "ResourceType",
    "AttributeName",
    "IndexName",
    "Sid",
)
"""Members that tell one element of an array from the others, in the types that we have."""

_NOTHING = object()


@dataclass(frozen=True)
class Difference:
    """One PropertyDifference of the API."""

    path: str
    expected: str
    actual: str
    kind: str


@dataclass
class Comparison:
    """Both sides in the same shape and order, and where they differ."""

    expected: Any
    actual: Any
    differences: list[Difference] = field(default_factory=list)


def compare(expected: Any, actual: Any, node: Node | None, path: str = "") -> Comparison:
    """`actual` may hold more than the template sets; what is compared of it is in the result."""
    if isinstance(expected, str) and isinstance(parsed(expected), Mapping | list):
        return _text_documents(expected, actual, node, path)
    if isinstance(expected, Mapping | list):
        actual = parsed(actual)
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return _objects(expected, actual, node, path)
    if isinstance(expected, list) and isinstance(actual, list):
        return _arrays(expected, actual, node, path)
    expected, actual = coerced(expected, node), coerced(actual, node)
    result = Comparison(expected, actual)
    if text(expected) != text(actual):
        result.differences.append(Difference(path, text(expected), text(actual), "NOT_EQUAL"))
    return result


def _text_documents(expected: str, actual: Any, node: Node | None, path: str) -> Comparison:
    """JSON that the template gives as text: one value, in which blanks mean nothing."""
    if compare(parsed(expected), parsed(actual), None).differences:
        difference = Difference(path, expected, text(actual), "NOT_EQUAL")
        return Comparison(expected, actual, [difference])
    return Comparison(expected, expected)


def _objects(expected: Mapping[str, Any], actual: Mapping[str, Any], node: Node | None, path: str) -> Comparison:
    result = Comparison({}, {})
    for name, wanted in expected.items():
        found = actual.get(name, _NOTHING)
        member = node.member(name) if node else None
        if found is _NOTHING or found is None:
            result.expected[name] = wanted
            result.differences.append(Difference(f"{path}/{name}", text(wanted), "null", "REMOVE"))
        else:
            _put(result, name, compare(wanted, found, member, f"{path}/{name}"))
    if node is None or node.is_document:
        for name in [name for name in actual if name not in expected]:
            result.actual[name] = actual[name]
            result.differences.append(Difference(f"{path}/{name}", "null", text(actual[name]), "ADD"))
    return result


def _put(result: Comparison, name: str, below: Comparison) -> None:
    result.expected[name], result.actual[name] = below.expected, below.actual
    result.differences += below.differences


def _arrays(expected: list[Any], actual: list[Any], node: Node | None, path: str) -> Comparison:
    item = node.item() if node else None
    free = node is None or node.is_set or all(_identity(element) for element in expected)
    partners = _partners(expected, actual, item) if free else {i: i for i in range(min(len(expected), len(actual)))}
    result = Comparison([], [])
    for index, wanted in enumerate(expected):
        if index not in partners:
            result.expected.append(wanted)
            result.differences.append(Difference(f"{path}/{index}", text(wanted), "null", "REMOVE"))
            continue
        below = compare(wanted, actual[partners[index]], item, f"{path}/{index}")
        result.expected.append(below.expected)
        result.actual.append(below.actual)
        result.differences += below.differences
    taken = set(partners.values())
    for found in [found for index, found in enumerate(actual) if index not in taken]:
        result.differences.append(Difference(f"{path}/{len(result.actual)}", "null", text(found), "ADD"))
        result.actual.append(found)
    return result


def _partners(expected: Sequence[Any], actual: Sequence[Any], item: Node | None) -> dict[int, int]:
    """Index in `expected` → index in `actual` of the element that belongs to it."""
    left = list(range(len(actual)))
    partners: dict[int, int] = {}

    def take(index: int, candidates: list[int]) -> None:
        if candidates:
            partners[index] = candidates[0]
            left.remove(candidates[0])

    for index, wanted in enumerate(expected):
        key = _identity(wanted)
        if key is not None:
            take(index, [other for other in left if _identity(actual[other]) == key])
        else:
            take(index, [other for other in left if not compare(wanted, actual[other], item).differences])
    alone = [index for index in range(len(expected)) if index not in partners]
    if len(alone) == len(left) == 1 and _identity(expected[alone[0]]) is None:
        take(alone[0], left[:])
    return partners


def _identity(element: Any) -> tuple[str, str] | None:
    if isinstance(element, Mapping):
        for name in IDENTITIES:
            if name in element:
                return name, text(element[name])
        if element.keys() <= {"TargetGroupArn", "Weight"}:
            # Beside a target group there may be others; an action that forwards to one is something else.
            return "TargetGroupArn", text(element.get("TargetGroupArn"))
    return None
