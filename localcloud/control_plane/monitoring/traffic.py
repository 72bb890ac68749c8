"""AWS/ApplicationELB: what load balancers and their targets answered, how fast, and how many targets are healthy.

Source: "CloudWatch metrics for your Application Load Balancer" (user guide for Application Load Balancers), with the
reporting criteria it gives: counts are reported where they are not zero, HealthyHostCount and UnHealthyHostCount where
targets are registered. "If there are no requests flowing through the load balancer or no data for a metric, the metric
is not reported."

TargetResponseTime is what a target really took, in real seconds: an application does not answer faster because the
local cloud's clock runs faster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from localcloud.control_plane.cloudwatch.periods import AwsTime
from localcloud.control_plane.monitoring.sources import Hosts, Scope
from localcloud.desired import AnsweredRequest, Measurement

NAMESPACE = "AWS/ApplicationELB"
OWN_CODES = (500, 502, 503, 504)
"""Statuses of the load balancer's own that have a metric each."""

Place = tuple[str, str | None]
"""(load balancer, target group or None: the load balancer as a whole)"""


@dataclass
class _Minute:
    counts: Counter[tuple[str, Place]] = field(default_factory=Counter)
    seconds: dict[Place, Counter[float]] = field(default_factory=dict)
    healthy: dict[Place, Counter[float]] = field(default_factory=dict)
    unhealthy: dict[Place, Counter[float]] = field(default_factory=dict)
    sharing: dict[Place, int] = field(default_factory=dict)
    """By how many targets the requests of a target group are divided."""


class Traffic:
    """Collects requests and samples of health, and tells minutes that are over."""

    def __init__(self, time: AwsTime) -> None:
        self._time = time
        self._minutes: dict[int, _Minute] = {}
        self._next = 0
        """The first minute that has not been told."""

    def answered(self, requests: Iterable[AnsweredRequest]) -> None:
        for request in requests:
            self._count(self._minute(request.at), request)

    def sampled(self, hosts: Iterable[Hosts], now: float) -> None:
        minute = self._minute(now)
        for one in hosts:
            if one.registered:
                place = (one.load_balancer_arn, one.target_group_arn)
                minute.healthy.setdefault(place, Counter())[one.healthy] += 1
                minute.unhealthy.setdefault(place, Counter())[one.unhealthy] += 1
                minute.sharing[place] = one.healthy or one.registered

    def _minute(self, at: float) -> _Minute:
        """What comes too late for its own minute counts in the next one: it is never lost."""
        return self._minutes.setdefault(max(self._time.minute(at), self._next), _Minute())

    @staticmethod
    def _count(minute: _Minute, request: AnsweredRequest) -> None:
        whole: Place = (request.load_balancer_arn, None)
        group: Place = (request.load_balancer_arn, request.target_group_arn)
        hundreds = f"{request.status // 100}XX"
        counted: list[tuple[str, Place]] = []
        if request.target_group_arn is not None:
            # "Only incremented for requests where the load balancer node was able to choose a target."
            counted += [("RequestCount", whole), ("RequestCount", group)]
        if request.connection_failed:
            counted += [("TargetConnectionErrorCount", whole), ("TargetConnectionErrorCount", group)]
        if request.target_answered:
            name = f"HTTPCode_Target_{hundreds}_Count"
            counted += [(name, whole), (name, group)]
        else:
            # Of no target group: dimensions are LoadBalancer, with or without AvailabilityZone.
            counted.append((f"HTTPCode_ELB_{hundreds}_Count", whole))
            if request.status in OWN_CODES:
                counted.append((f"HTTPCode_ELB_{request.status}_Count", whole))
        minute.counts.update(dict.fromkeys(counted, 1))
        if request.target_answered and request.target_seconds is not None:
            for place in (whole, group):
                minute.seconds.setdefault(place, Counter())[request.target_seconds] += 1

    def tell(self, upto: int) -> Iterator[tuple[Scope, Measurement]]:
        """Minutes before `upto`, each once."""
        for number in sorted(minute for minute in self._minutes if minute < upto):
            yield from self._tell(number, self._minutes.pop(number))
        self._next = max(self._next, upto)

    def _tell(self, number: int, minute: _Minute) -> Iterator[tuple[Scope, Measurement]]:
        at = self._time.begin(number)
        for (name, place), count in minute.counts.items():
            yield _measurement(name, place, at, {1.0: count}, "Count")
            if name == "RequestCount" and place in minute.sharing:
                each = {count / minute.sharing[place]: 1}
                scope, measurement = _measurement("RequestCountPerTarget", place, at, each, "Count")
                yield scope, measurement
                group = {"TargetGroup": measurement.dimensions["TargetGroup"]}
                yield scope, replace(measurement, dimensions=group)
        for name, unit, found in (
            ("TargetResponseTime", "Seconds", minute.seconds),
            ("HealthyHostCount", "Count", minute.healthy),
            ("UnHealthyHostCount", "Count", minute.unhealthy),
        ):
            for place, values in found.items():
                yield _measurement(name, place, at, values, unit)


def _measurement(
    name: str, place: Place, at: float, values: Mapping[float, int], unit: str
) -> tuple[Scope, Measurement]:
    balancer_arn, group_arn = place
    dimensions = {"LoadBalancer": load_balancer_dimension(balancer_arn)}
    if group_arn is not None:
        dimensions["TargetGroup"] = target_group_dimension(group_arn)
    _, _, _, region, account, _ = balancer_arn.split(":", 5)
    return (account, region), Measurement(NAMESPACE, name, dimensions, at, dict(values), unit)


def load_balancer_dimension(arn: str) -> str:
    """`app/name/id`: "the final portion of the load balancer ARN"."""
    return arn.partition(":loadbalancer/")[2]


def target_group_dimension(arn: str) -> str:
    """`targetgroup/name/id`: "the final portion of the target group ARN"."""
    return arn.rpartition(":")[2]
