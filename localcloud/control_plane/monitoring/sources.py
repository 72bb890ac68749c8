"""What monitoring asks the other services: records of the moment, nothing that they would have to keep for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Scope = tuple[str, str]
"""(account, region)"""


@dataclass(frozen=True)
class MonitoredInstance:
    """An instance that runs. `detailed`: one-minute metrics, otherwise five-minute ones."""

    scope: Scope
    detailed: bool


@dataclass(frozen=True)
class Hosts:
    """The targets of a target group that its load balancer uses."""

    load_balancer_arn: str
    target_group_arn: str
    healthy: int
    unhealthy: int
    registered: int


@dataclass(frozen=True)
class Expiry:
    """A certificate; moments are Unix time."""

    arn: str
    not_after: float
    imported_at: float


class MonitoredInstances(Protocol):
    def monitored_instances(self) -> Mapping[str, MonitoredInstance]: ...


class MonitoredGroups(Protocol):
    def aggregated_members(self, since: float) -> Mapping[str, tuple[Scope, str]]:
        """Instance → group, of those that are in service and were warmed up at `since` (Unix time)."""
        ...

    def group_metrics(self) -> Sequence[tuple[Scope, str, Mapping[str, int]]]:
        """(scope, group, metric → value) of every group with metrics collection, those it has enabled."""
        ...


class MonitoredLoadBalancers(Protocol):
    def hosts(self) -> Sequence[Hosts]: ...


class MonitoredCertificates(Protocol):
    def expiries(self) -> Sequence[Expiry]: ...


@dataclass(frozen=True)
class Sources:
    """All calls happen under `control_plane.lock.LOCK`."""

    instances: MonitoredInstances
    groups: MonitoredGroups
    load_balancers: MonitoredLoadBalancers
    certificates: MonitoredCertificates
