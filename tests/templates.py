"""The project's templates as trees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]

from tests.cloud import PROJECT


def load(name: str) -> dict[str, Any]:
    """Parse a template; short forms of functions come out long."""
    template: dict[str, Any] = cfn_yaml.load(str(PROJECT / "cloudformation" / name))
    return template


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every mapping at any depth."""
    if isinstance(value, dict):
        yield value
        for child in value.values():
            yield from nodes(child)
    elif isinstance(value, list):
        for child in value:
            yield from nodes(child)
