"""What a condition adds to a stack or takes out of it, in its change sets.

A resource whose condition is false is not created, and is deleted from a stack that has it (CloudFormation user guide,
"Conditions"). MiniStack's change sets compare templates with every resource in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud import ministack_seam as seam


def install() -> None:
    """Once per process."""
    changesets = seam.module("ministack.services.cloudformation.changesets")
    changesets._resolve_props_for_diff = _of_what_is_there(changesets._resolve_props_for_diff)


def _of_what_is_there(original: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def resolve(template: Mapping[str, Any], parameters: Mapping[str, Any], *more: Any) -> dict[str, Any]:
        resolved = original(template, parameters, *more)
        if not template:
            return resolved
        conditions = seam.evaluate_conditions(template, parameters)
        there = {
            name: resource
            for name, resource in resolved["Resources"].items()
            if conditions.get(resource.get("Condition"), True)
        }
        return {**resolved, "Resources": there}

    return resolve
