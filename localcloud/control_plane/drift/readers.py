"""Who reads which resource type: a table that each service's module fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]
Tags = list[dict[str, str]]


@dataclass(frozen=True)
class Reader:
    """Reads a resource, as the service has it now, into the properties of its CloudFormation type."""

    read: Callable[[str, Properties], Properties | None]
    """(physical id, the template's properties) → every property that can be read; None: the resource is gone"""

    unread: frozenset[str] = frozenset()
    """Properties that are not compared: instructions to CloudFormation, and what changes by itself."""


READERS: dict[str, Reader] = {}


def register(resource_type: str, read: Callable[[str, Properties], Properties | None], *unread: str) -> None:
    READERS[resource_type] = Reader(read, frozenset(unread))


def present(**properties: Any) -> dict[str, Any]:
    """Without those that have no value."""
    return {name: value for name, value in properties.items() if value is not None}


def tag_list(tags: Any) -> Tags:
    """A service's tags, map or list, as a template writes them."""
    if isinstance(tags, Mapping):
        return [{"Key": str(key), "Value": str(value)} for key, value in tags.items()]
    return [{"Key": str(tag["Key"]), "Value": str(tag.get("Value", ""))} for tag in tags or ()]
