"""Stack events as CloudFormation has them where MiniStack's leave something out.

The first event of a resource's update carries its physical id, and a resource that an update adds is created, not
updated (CloudFormation user guide, "Stack event status codes").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud import ministack_seam as seam

STACK = "AWS::CloudFormation::Stack"


def install() -> None:
    """Once per process."""
    stacks = seam.module("ministack.services.cloudformation.stacks")
    stacks._add_event = _told_in_full(stacks._add_event)


def _told_in_full(original: Callable[..., None]) -> Callable[..., None]:
    added: set[tuple[str, str]] = set()

    def add_event(  # noqa: PLR0913, PLR0917  # as MiniStack calls it
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
        if resource_type != STACK and status.startswith("UPDATE_"):
            known: dict[str, Any] = seam.stack_resources(stack_name).get(logical_id) or {}
            if status == "UPDATE_IN_PROGRESS" and not known:
                added.add(key)
            physical_id = physical_id or str(known.get("PhysicalResourceId") or "")
            if key in added:
                status = status.replace("UPDATE_", "CREATE_")
                if not status.endswith("_IN_PROGRESS"):
                    added.discard(key)
        original(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)

    return add_event
