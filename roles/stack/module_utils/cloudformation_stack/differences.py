"""Property by property: before → after."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .options import KNOWN_AFTER_APPLY
from .resolve import Resolver, Symbol, display
from .text import MASK, clean_line, shorten

_RANK = {"Never": 0, "Conditionally": 1, "Always": 2}
_LONG = 100


@dataclass(frozen=True)
class PropertyChange:
    """One property; None means that it is not there."""

    path: str
    before: str | None
    after: str | None
    recreates: str = "Never"

    def lines(self) -> list[str]:
        """`MaxSize: 4 → 6`, or the lines that differ when the value is a long text."""
        before = "(none)" if self.before is None else self.before
        after = "(removed)" if self.after is None else self.after
        several = "\n" in before.strip() or "\n" in after.strip()
        if several and after == KNOWN_AFTER_APPLY:
            # A dashboard's text, say, in which a name may become another: nothing is gained by all of it.
            return [f"{self.path}: {KNOWN_AFTER_APPLY}"]
        if not several or self.before is None or self.after is None:
            return [clean_line(f"{self.path}: {_one_line(before)} → {_one_line(after)}")]
        hunks = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1))[2:]
        return [f"{self.path}:"] + [shorten(clean_line(f"  {line}"), 200) for line in hunks]


def property_changes(change: Mapping[str, Any], old: Resolver | None, new: Resolver | None) -> list[PropertyChange]:
    """What a change set's Modify says, filled up from the templates where it has no values."""
    merged: dict[str, PropertyChange] = {}
    for detail in change.get("Details") or []:
        target = detail.get("Target") or {}
        path = _path(target)
        recreates = str(target.get("RequiresRecreation") or "Never")
        if "BeforeValue" in target or "AfterValue" in target:
            found = [
                PropertyChange(
                    path, _value(path, target.get("BeforeValue")), _value(path, target.get("AfterValue")), recreates
                )
            ]
        else:
            found = _from_templates(change["LogicalResourceId"], path, recreates, old, new)
        for item in found:
            known = merged.get(item.path)
            if known is None:
                merged[item.path] = item
            elif _RANK.get(item.recreates, 0) > _RANK.get(known.recreates, 0):
                merged[item.path] = replace(known, recreates=item.recreates)
    return list(merged.values())


def removed_secret(change: PropertyChange, secret_paths: set[str]) -> PropertyChange:
    """The change with its values masked when its path holds, or lies under, something secret."""
    path = change.path.replace(".", "/")
    candidates = (path, f"Properties/{path}")
    for secret in secret_paths:
        for candidate in candidates:
            if candidate == secret or candidate.startswith(secret + "/") or secret.startswith(candidate + "/"):
                return replace(
                    change, before=None if change.before is None else MASK, after=None if change.after is None else MASK
                )
    return change


def diff_values(path: str, before: Any, after: Any) -> list[tuple[str, Any, Any]]:
    """The leaves at which two resolved values differ."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        keys = list(before) + [key for key in after if key not in before]
        return [
            leaf
            for key in keys
            for leaf in diff_values(f"{path}.{key}" if path else str(key), before.get(key), after.get(key))
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            leaf
            for index, pair in enumerate(zip(before, after, strict=True))
            for leaf in diff_values(f"{path}.{index}", *pair)
        ]
    return [] if before == after else [(path, before, after)]


def _from_templates(
    logical_id: str, path: str, recreates: str, old: Resolver | None, new: Resolver | None
) -> list[PropertyChange]:
    if old is None or new is None:
        return [PropertyChange(path, None, KNOWN_AFTER_APPLY, recreates)]
    attribute, before, after = _pick(path, old.properties(logical_id), new.properties(logical_id))
    leaves = diff_values(attribute, before, after)
    if not leaves and path == "Tags":
        # Tags of the stack, handed down to each resource: the plan says them once.
        return []
    if not leaves:
        # The text is the same: a value that another resource's change brings along.
        return [PropertyChange(path, None if before is None else display(before), KNOWN_AFTER_APPLY, recreates)]
    return [PropertyChange(leaf, _shown(left), _shown(right), recreates) for leaf, left, right in leaves]


def _pick(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, Any, Any]:
    """The two values at a path, which is relative to Properties unless it starts with another attribute."""
    steps = path.split(".")
    if steps[0] not in before and steps[0] not in after:
        before, after = before.get("Properties") or {}, after.get("Properties") or {}
    left: Any = before
    right: Any = after
    taken: list[str] = []
    for step in steps:
        if not isinstance(left, Mapping) and not isinstance(right, Mapping):
            break
        left = left.get(step) if isinstance(left, Mapping) else None
        right = right.get(step) if isinstance(right, Mapping) else None
        taken.append(step)
    return ".".join(taken), left, right


def _path(target: Mapping[str, Any]) -> str:
    if target.get("Path"):
        steps = str(target["Path"]).strip("/").split("/")
        return ".".join(steps[1:] if steps[0] == "Properties" and len(steps) > 1 else steps)
    attribute = str(target.get("Attribute", ""))
    name = str(target.get("Name", ""))
    if attribute == "Properties" and name:
        return name
    return f"{attribute}.{name}" if name else attribute


def _shown(value: Any) -> str | None:
    if value is None:
        return None
    # What a Ref or GetAtt will be is not knowable, but what it is called is worth more than silence.
    return f"{value.text} ({KNOWN_AFTER_APPLY})" if isinstance(value, Symbol) else display(value)


def _value(path: str, raw: Any) -> str | None:
    if raw is None:
        return None
    text = str(raw)
    if path.endswith("UserData"):
        try:
            return base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return text
    if text[:1] in "{[":
        try:
            return display(json.loads(text))
        except ValueError:
            return text
    return text


def _one_line(text: str) -> str:
    return shorten(" ".join(text.split()) if "\n" in text else text, _LONG * 2)
