"""Metrics of groups: which are collected, what they are, and which members count in aggregated ones.

Source: "Amazon CloudWatch metrics for Amazon EC2 Auto Scaling" (user guide). Instances have no weights here, so that
capacities are numbers of instances; there is no warm pool and no standby.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from localcloud.control_plane.autoscaling.engine import AutoScaling, Scope
from localcloud.control_plane.autoscaling.model import Group, Lifecycle
from localcloud.wire import AwsError

GRANULARITY = "1Minute"
SIZES = ("GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity")
STATES = ("InService", "Pending", "Standby", "Terminating", "Total")
METRICS = (*SIZES, *(f"Group{state}{kind}" for kind in ("Instances", "Capacity") for state in STATES))


def chosen(names: Collection[str] | None, granularity: str) -> list[str]:
    """Of EnableMetricsCollection: "If you omit this property, all metrics are enabled". Raises AwsError."""
    if granularity != GRANULARITY:
        raise AwsError("ValidationError", f"The only valid value for Granularity is {GRANULARITY}, not {granularity!r}")
    unknown = sorted(set(names or ()) - set(METRICS))
    if unknown:
        raise AwsError(
            "ValidationError", f"localcloud does not support {', '.join(unknown)}: it knows {', '.join(METRICS)}"
        )
    return [name for name in METRICS if not names or name in names]


def collection(values: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of a template's MetricsCollection, which lists metrics by granularity; empty: none is collected."""
    found = [name for item in values for name in chosen(item.get("Metrics"), item.get("Granularity", ""))]
    return list(dict.fromkeys(found))


def measured(group: Group) -> dict[str, int]:
    """Every metric as of now."""
    members = group.members.values()
    pending = sum(member.lifecycle.is_pending for member in members)
    terminating = sum(member.lifecycle.is_terminating for member in members)
    counts = (len(members) - pending - terminating, pending, 0, terminating, len(members))
    sizes = dict(zip(SIZES, (group.min_size, group.max_size, group.desired), strict=True))
    return sizes | {
        f"Group{state}{kind}": count
        for kind in ("Instances", "Capacity")
        for state, count in zip(STATES, counts, strict=True)
    }


class GroupMetrics:
    """Implements `monitoring.MonitoredGroups`. Callers hold LOCK."""

    def __init__(self, engine: AutoScaling) -> None:
        self._engine = engine

    def aggregated_members(self, since: float) -> dict[str, tuple[Scope, str]]:
        """ "How long after an instance reaches the InService state it waits before contributing usage data to the
        aggregated metrics" ("Set the default instance warmup for an Auto Scaling group")."""
        scaled = self._engine.world.scaled
        return {
            member.instance_id: ((group.account, group.region), group.name)
            for group in self._engine.every_group()
            for member in group.members.values()
            if member.lifecycle is Lifecycle.IN_SERVICE
            and member.in_service_at is not None
            and member.in_service_at + scaled(group.warmup or 0) <= since
        }

    def group_metrics(self) -> list[tuple[Scope, str, dict[str, int]]]:
        return [
            (
                (group.account, group.region),
                group.name,
                {n: v for n, v in measured(group).items() if n in group.metrics},
            )
            for group in self._engine.every_group()
            if group.metrics
        ]
