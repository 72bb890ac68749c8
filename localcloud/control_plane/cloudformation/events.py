"""Stack events as CloudFormation has them where MiniStack's say too little or too much.

The first event of a resource's update carries its physical id; a resource that an update adds is created, not updated;
one that stays as it is has no events (CloudFormation user guide, "Stack event status codes", "Understand update
behaviors of stack resources").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud import ministack_seam as seam

STACK = "AWS::CloudFormation::Stack"

Key = tuple[str, str]
"""(stack id, logical id)"""


def install() -> None:
    """Once per process."""
    stacks = seam.module("ministack.services.cloudformation.stacks")
    stacks._add_event = Events(stacks._add_event).add


class Events:
    """What is remembered between the first and the last event of a resource, and between two updates of a stack."""

    def __init__(self, original: Callable[..., None]) -> None:
        self._original = original
        self._added: set[Key] = set()
        self._before: dict[Key, Mapping[str, Any]] = {}
        self._tags: dict[str, Any] = {}

    def add(  # noqa: PLR0913, PLR0917  # as MiniStack calls it
        self,
        stack_id: str,
        stack_name: str,
        logical_id: str,
        resource_type: str,
        status: str,
        reason: str = "",
        physical_id: str = "",
        detailed_status: str = "",
    ) -> None:
        key = (stack_id, logical_id)
        if resource_type == STACK and physical_id == stack_id and status.endswith("_COMPLETE"):
            self._tags[stack_id] = seam.stack_tags(stack_name)
        elif resource_type != STACK and status.startswith("UPDATE_"):
            known: Mapping[str, Any] = seam.stack_resources(stack_name).get(logical_id) or {}
            if status == "UPDATE_IN_PROGRESS":
                self._begin(key, known)
            elif status == "UPDATE_COMPLETE" and self._is_unchanged(key, stack_name, known):
                seam.forget_last_event(stack_id, logical_id)
                return
            physical_id = physical_id or str(known.get("PhysicalResourceId") or "")
            if key in self._added:
                status = status.replace("UPDATE_", "CREATE_")
            if not status.endswith("_IN_PROGRESS"):
                self._added.discard(key)
                self._before.pop(key, None)
        self._original(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)

    def _begin(self, key: Key, known: Mapping[str, Any]) -> None:
        if known:
            self._before[key] = known
        else:
            self._added.add(key)

    def _is_unchanged(self, key: Key, stack_name: str, known: Mapping[str, Any]) -> bool:
        """Neither its properties nor, as far as they reach it, the stack's tags are others than before."""
        before = self._before.pop(key, None)
        same_tags = self._tags.get(key[0]) == seam.stack_tags(stack_name)
        return (
            before is not None
            and before is not known
            and same_tags
            and all(before.get(name) == known.get(name) for name in ("Properties", "PhysicalResourceId", "Attributes"))
        )
