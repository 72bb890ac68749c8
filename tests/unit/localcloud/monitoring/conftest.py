"""A cloud whose time and measurements the test makes, and the metrics that come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from localcloud.control_plane.cloudwatch.periods import AwsTime
from localcloud.control_plane.monitoring.service import Monitoring
from localcloud.control_plane.monitoring.sources import Expiry, Hosts, MonitoredInstance, Scope, Sources
from localcloud.desired import AnsweredRequest, CpuReading, Measurement

SCOPE: Scope = ("000000000000", "us-east-1")
LB = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/hello/0123456789abcdef"
TG = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/blue/fedcba9876543210"
LB_DIMENSION = {"LoadBalancer": "app/hello/0123456789abcdef"}
TG_DIMENSION = {"TargetGroup": "targetgroup/blue/fedcba9876543210"}
SCALE = 10.0
MINUTE = 60 / SCALE


class Cloud:
    """Times are real seconds since the first minute began; a minute of AWS time lasts MINUTE."""

    def __init__(self) -> None:
        self.begin = 1_000_000 * MINUTE
        self.now = 0.0
        self.instances: dict[str, MonitoredInstance] = {}
        self.members: dict[str, tuple[Scope, str]] = {}
        self.asked_since: list[float] = []
        self.group_values: list[tuple[Scope, str, dict[str, int]]] = []
        self.targets: list[Hosts] = []
        self.certificates: list[Expiry] = []
        self.published: list[tuple[Scope, Measurement, float]] = []
        sources = Sources(self, self, self, self)
        time = AwsTime(lambda seconds: seconds / SCALE)
        self.monitoring = Monitoring(time, self, sources, clock=lambda: self.begin + self.now)

    # --- sources ------------------------------------------------------------------------------------------

    def monitored_instances(self) -> Mapping[str, MonitoredInstance]:
        return self.instances

    def aggregated_members(self, since: float) -> Mapping[str, tuple[Scope, str]]:
        self.asked_since.append(since - self.begin)
        return self.members

    def group_metrics(self) -> Sequence[tuple[Scope, str, Mapping[str, int]]]:
        return self.group_values

    def hosts(self) -> Sequence[Hosts]:
        return self.targets

    def expiries(self) -> Sequence[Expiry]:
        return self.certificates

    # --- metrics ------------------------------------------------------------------------------------------

    def publish(self, account: str, region: str, measurements: Sequence[Measurement]) -> None:
        self.published += [((account, region), one, self.now) for one in measurements]

    def values(self, name: str, **dimensions: str) -> dict[float, Mapping[float, int]]:
        """Minute (number) → values, of one metric."""
        return {
            (one.at - self.begin) / MINUTE: one.values
            for _, one, _ in self.published
            if one.name == name and one.dimensions == dimensions
        }

    def names(self) -> set[str]:
        return {one.name for _, one, _ in self.published}

    # --- what happens -------------------------------------------------------------------------------------

    def until(self, now: float, step: float = 0.5, **used: float) -> None:
        """Ticks up to `now`; `used` is processors that each instance uses all the time, of two."""
        while self.now + step <= now + 1e-9:
            self.now += step
            self.monitoring.machines_measured({name: CpuReading(each * self.now, 2.0) for name, each in used.items()})
            self.monitoring.tick(self.begin + self.now)

    def answer(self, status: int = 200, **changes: Any) -> None:
        values: dict[str, Any] = {"target_group_arn": TG, "instance_id": "i-1", "target_answered": True}
        request = AnsweredRequest(self.begin + self.now, LB, status, **(values | changes))
        self.monitoring.requests_answered([request])


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()
