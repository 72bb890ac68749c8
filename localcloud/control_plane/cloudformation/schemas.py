"""The resource schemas of CloudFormation's registry, from the files that cfn-lint brings along.

cfn-lint itself is not imported, which would take a second: its data files are JSON, one for each resource type, and
those of all our types are read in 30 ms.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FALLBACK_REGION = "us-east-1"


class SchemasError(RuntimeError):
    """The installed cfn-lint has no schemas, or not where they were."""


def check() -> None:
    """Raises `SchemasError` at start instead of at the first template."""
    _digests(FALLBACK_REGION)


@dataclass(frozen=True)
class Node:
    """One place in a resource schema, with its references followed."""

    keywords: Mapping[str, Any]
    root: Mapping[str, Any]

    @property
    def types(self) -> tuple[str, ...]:
        """JSON types, none where the schema says nothing about it."""
        given = self.keywords.get("type", ())
        return (given,) if isinstance(given, str) else tuple(given)

    @property
    def properties(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.keywords.get("properties") or {}
        return found

    @property
    def is_set(self) -> bool:
        """An array whose order means nothing ("insertionOrder", resource type definition schema)."""
        return self.keywords.get("insertionOrder", True) is False

    @property
    def is_document(self) -> bool:
        """Holds whatever JSON there is, such as a policy: the schema names no members."""
        return not self.properties and "patternProperties" not in self.keywords and "object" in self.types

    def member(self, name: str) -> Node | None:
        return self._at(self.properties[name]) if name in self.properties else None

    def item(self) -> Node | None:
        return self._at(self.keywords["items"]) if isinstance(self.keywords.get("items"), Mapping) else None

    def branch(self, keywords: Mapping[str, Any]) -> Node:
        return self._at(keywords)

    def _at(self, keywords: Mapping[str, Any]) -> Node:
        while "$ref" in keywords:
            target: Any = self.root
            for part in str(keywords["$ref"]).removeprefix("#/").split("/"):
                target = target[part]
            keywords = {**target, **{name: value for name, value in keywords.items() if name != "$ref"}}
        return Node(keywords, self.root)


@cache
def of_type(resource_type: str, region: str = FALLBACK_REGION) -> Node | None:
    """The schema's root; None for a type that the registry does not have."""
    digest = _digests(region).get(resource_type)
    if digest is None:
        return None
    schema = json.loads((_directory() / "resources" / f"{digest}.json").read_bytes())
    return Node(schema, schema)


def named(schema: Node, keyword: str) -> frozenset[str]:
    """Top-level properties in one of the schema's lists, such as readOnlyProperties."""
    paths = (str(path).removeprefix("/properties/") for path in schema.keywords.get(keyword) or ())
    return frozenset(path for path in paths if "/" not in path)


@cache
def _digests(region: str) -> Mapping[str, str]:
    path = _directory() / "providers" / f"{region}.json"
    if not path.exists():
        if region == FALLBACK_REGION:
            raise SchemasError(f"cfn-lint keeps its resource schemas elsewhere: there is no {path}")
        return _digests(FALLBACK_REGION)
    found: Mapping[str, str] = json.loads(path.read_bytes())
    return found


@cache
def _directory() -> Path:
    spec = importlib.util.find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise SchemasError("localcloud needs the resource schemas of cfn-lint: install requirements/localcloud.txt")
    return Path(spec.origin).parent / "data" / "schemas"
