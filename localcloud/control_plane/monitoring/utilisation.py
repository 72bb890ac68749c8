"""AWS/EC2 CPUUtilization: per instance, and aggregated over an Auto Scaling group.

Sources: "CPUUtilization" and "Basic monitoring and detailed monitoring" (EC2 User Guide): five-minute periods, or
one-minute ones with detailed monitoring. "Set the default instance warmup for an Auto Scaling group" (EC2 Auto Scaling
User Guide): how long after it is in service an instance "waits before contributing usage data to the aggregated
metrics".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localcloud.control_plane.cloudwatch.periods import AwsTime
from localcloud.control_plane.monitoring.sources import MonitoredInstance, Scope
from localcloud.desired import CpuReading, Measurement

BASIC_MINUTES = 5
NAMESPACE = "AWS/EC2"


@dataclass
class _Use:
    """Processor seconds: used, and there to be used."""

    used: float = 0.0
    available: float = 0.0

    def add(self, used: float, available: float) -> None:
        self.used += used
        self.available += available

    @property
    def percent(self) -> float:
        """Never over 100: an instance's containers can use a little more than its type has, each by itself."""
        return round(min(100.0, max(0.0, 100 * self.used / self.available)), 4)


class Utilisation:
    """Collects readings, and tells minutes that are over."""

    def __init__(self, time: AwsTime) -> None:
        self._time = time
        self._last: dict[str, tuple[float, CpuReading]] = {}
        self._minutes: dict[int, dict[str, _Use]] = {}
        self._basic: dict[str, _Use] = {}

    def measured(self, readings: Mapping[str, CpuReading], now: float) -> None:
        """What was used between two readings belongs in equal parts to the time between them."""
        for instance_id, reading in readings.items():
            since, before = self._last.get(instance_id, (now, reading))
            if now > since:
                self._spread(instance_id, since, now, max(0.0, reading.seconds - before.seconds), reading.processors)
            self._last[instance_id] = now, reading

    def _spread(self, instance_id: str, since: float, until: float, used: float, processors: float) -> None:
        for minute in range(self._time.minute(since), self._time.minute(until) + 1):
            begin, end = self._time.begin(minute), self._time.begin(minute + 1)
            inside = min(end, until) - max(begin, since)
            if inside > 0:
                use = self._minutes.setdefault(minute, {}).setdefault(instance_id, _Use())
                use.add(used * inside / (until - since), processors * inside)

    def over(self, upto: int) -> list[int]:
        """Minutes before `upto` that have not been told yet."""
        return sorted(minute for minute in self._minutes if minute < upto)

    def tell(
        self,
        minute: int,
        instances: Mapping[str, MonitoredInstance],
        members: Mapping[str, tuple[Scope, str]],
    ) -> Iterator[tuple[Scope, Measurement]]:
        """A minute, once, in order. An instance that is not in `instances` any more is left out and forgotten."""
        uses = self._minutes.pop(minute)
        for gone in [name for name in self._last if name not in instances]:
            self._last.pop(gone, None)
            self._basic.pop(gone, None)
        groups: dict[tuple[int, Scope, str], dict[float, int]] = {}
        for instance_id, use in uses.items():
            instance = instances.get(instance_id)
            if instance is None:
                continue
            told = self._data_point(instance_id, instance, minute, use)
            if told is None:
                continue
            first, percent = told
            yield instance.scope, self._measurement({"InstanceId": instance_id}, first, {percent: 1})
            if instance_id in members:
                values = groups.setdefault((first, *members[instance_id]), {})
                values[percent] = values.get(percent, 0) + 1
        for (first, scope, group), values in groups.items():
            yield scope, self._measurement({"AutoScalingGroupName": group}, first, values)

    def _data_point(
        self, instance_id: str, instance: MonitoredInstance, minute: int, use: _Use
    ) -> tuple[int, float] | None:
        """(minute at which its period begins, percent); None while a five-minute period goes on."""
        if instance.detailed:
            return minute, use.percent
        sum_so_far = self._basic.setdefault(instance_id, _Use())
        sum_so_far.add(use.used, use.available)
        if (minute + 1) % BASIC_MINUTES:
            return None
        return minute + 1 - BASIC_MINUTES, self._basic.pop(instance_id).percent

    def _measurement(self, dimensions: Mapping[str, str], minute: int, values: Mapping[float, int]) -> Measurement:
        return Measurement(NAMESPACE, "CPUUtilization", dimensions, self._time.begin(minute), values, "Percent")
