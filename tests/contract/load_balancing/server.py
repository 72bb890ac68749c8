"""Certificates, load balancers, the balancer and what it measures, with instance records that nobody runs.

Instances i-1 … i-4 have the block's addresses .0.11 … .0.14.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ministack.services import ec2

from localcloud import ministack_seam as seam
from localcloud.balancer import Balancer
from localcloud.control_plane.acm import service as acm
from localcloud.control_plane.cloudwatch import service as cloudwatch
from localcloud.control_plane.elbv2 import service as elbv2
from localcloud.control_plane.monitoring import service as monitoring
from localcloud.control_plane.monitoring.sources import MonitoredInstance, Scope, Sources
from localcloud.settings import Settings


class Nothing:
    """No machine is measured, and there is no group."""

    def monitored_instances(self) -> dict[str, MonitoredInstance]:
        return {}

    def aggregated_members(self, since: float) -> dict[str, tuple[Scope, str]]:
        return {}

    def group_metrics(self) -> list[tuple[Scope, str, dict[str, int]]]:
        return []


def install(settings: Settings) -> Callable[[], None]:
    acm.install()
    elbv2.install(settings)
    # The template's alarms and its dashboard.
    alarms = cloudwatch.install(settings)
    measured = monitoring.install(settings, alarms, Sources(Nothing(), Nothing(), elbv2, acm))
    with seam.request_scope(settings.account, settings.region):
        for number in range(1, 5):
            ec2._instances[f"i-{number}"] = {
                "InstanceId": f"i-{number}",
                "State": {"Code": 16, "Name": "running"},
                "PrivateIpAddress": str(settings.address_block.network_address + 10 + number),
            }
    balancer = Balancer(settings, settings.state_dir / "hosts")

    def reconcile() -> None:
        try:
            balancer.apply(elbv2.desired_load_balancers())
        except Exception:
            logging.exception("the balancer complains")
        for arn, health in balancer.health().items():
            elbv2.target_health_observed(arn, health)
        measured.requests_answered(balancer.answered())
        measured.tick(time.time())
        alarms.tick(time.time())

    return reconcile
