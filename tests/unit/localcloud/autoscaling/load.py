"""A group under a load, in steps of a minute, told as its desired capacities."""

from __future__ import annotations

from typing import Any

from localcloud.control_plane.autoscaling.model import Group
from localcloud.control_plane.autoscaling.policy_model import Policy, Tracking
from tests.unit.localcloud.autoscaling.cloud import Cloud
from tests.unit.localcloud.autoscaling.timeline import Timeline

LAG = 1
"""Minutes from the end of a minute to its data point."""

WARMUP = 180
"""Seconds after which an instance counts for the policy: it has to be in the newest data point then."""

CPU = Tracking("ASGAverageCPUUtilization", 50.0)


class Load:
    """`demand` is what the instances have to do, in percent of one instance; they share it evenly."""

    def __init__(self, cloud: Cloud, least: int = 2, most: int = 10, warmup: int | None = WARMUP, **group: Any) -> None:
        self.cloud = cloud
        self.timeline = Timeline(cloud, least, **{"max_size": most, "warmup": 60} | group)
        self.group: Group = self.timeline.group
        self.policy: Policy = cloud.policies.put(self.group, "cpu", CPU, warmup)
        self.demand = 0.0
        self._waiting: list[float] = []

    @property
    def metric(self) -> float:
        """What every instance that serves is busy with; those that warm up take their share already."""
        serving = sum(self.timeline.serves(instance_id) for instance_id in self.group.members)
        return min(100.0, self.demand / serving)

    def minute(self) -> int:
        for _ in range(6):
            self.timeline.step()
            assert self.group.min_size <= self.group.desired <= self.group.max_size
        self._waiting.append(self.metric)
        if len(self._waiting) > LAG:
            self.data_point(self._waiting.pop(0))
        return self.group.desired

    def data_point(self, value: float) -> None:
        self.cloud.alarms.minute(value, self.cloud.now)

    def minutes(self, count: int, demand: float) -> list[int]:
        """The desired capacity after each of them."""
        self.demand = demand
        return [self.minute() for _ in range(count)]
