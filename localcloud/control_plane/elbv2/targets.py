"""Registration of targets and their health, as the balancer really saw it.

Sources: "Register targets", "Deregistration delay" and "Target health status" in the user guide for Application Load
Balancers (https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from ministack.core.responses import request_scope
from ministack.services import alb

from localcloud.control_plane.elbv2 import store
from localcloud.control_plane.lock import LOCK
from localcloud.control_plane.monitoring.sources import Hosts
from localcloud.desired import TargetHealth

_observed: dict[str, dict[str, TargetHealth]] = {}

REGISTERING = TargetHealth("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
DRAINING = TargetHealth("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
NOT_IN_USE = TargetHealth(
    "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
)
NOT_REGISTERED = TargetHealth("unused", "Target.NotRegistered", "Target is not registered to the target group")
INVALID_STATE = TargetHealth("unused", "Target.InvalidState", "Target is in the stopped or terminated state")


def target_group_exists(target_group_arn: str) -> bool:
    with LOCK, store.scope_of(target_group_arn):
        return target_group_arn in alb._tgs


def register_target(target_group_arn: str, instance_id: str) -> None:
    """On the target group's own port; registering again (also while it drains) is no error.

    Raises KeyError for a target group that does not exist.
    """
    with LOCK, store.scope_of(target_group_arn):
        if target_group_arn not in alb._tgs:
            raise KeyError(target_group_arn)
        registered = store.targets(target_group_arn)
        for target in registered:
            if target["Id"] == instance_id:
                if target.pop("DrainingSince", None) is not None:
                    _observed.get(target_group_arn, {}).pop(instance_id, None)
                return
        registered.append({"Id": instance_id})


def deregister_target(target_group_arn: str, instance_id: str) -> None:
    """Starts draining; the target is gone after the group's deregistration delay. No error when unknown."""
    with LOCK, store.scope_of(target_group_arn):
        for target in store.targets(target_group_arn):
            if target["Id"] == instance_id:
                target.setdefault("DrainingSince", time.time())
        store.targets(target_group_arn)


def target_state(target_group_arn: str, instance_id: str) -> TargetHealth | None:
    """None: not registered (never was, or drained and gone)."""
    with LOCK, store.scope_of(target_group_arn):
        target = next((t for t in store.targets(target_group_arn) if t["Id"] == instance_id), None)
        return None if target is None else health_of(target_group_arn, target)


def health_of(target_group_arn: str, target: store.Record) -> TargetHealth:
    if "DrainingSince" in target:
        return DRAINING
    if not store.instance_running(target["Id"]):
        return INVALID_STATE
    if not store.users_of(target_group_arn):
        return NOT_IN_USE
    return _observed.get(target_group_arn, {}).get(target["Id"], REGISTERING)


def hosts() -> list[Hosts]:
    """Of every target group that a load balancer uses, in every account and region."""
    with LOCK:
        found = []
        for account, region in store.scopes():
            with request_scope(account, region):
                for arn in list(alb._tgs.keys()):
                    states = Counter(health_of(arn, target).state for target in store.targets(arn))
                    found += [
                        Hosts(user, arn, states["healthy"], states["unhealthy"], states.total())
                        for user in store.users_of(arn)
                    ]
        return found


def target_health_observed(target_group_arn: str, health: Mapping[str, TargetHealth]) -> None:
    """Replaces what is known of a target group; keys are instance ids."""
    with LOCK:
        _observed[target_group_arn] = dict(health)


def forget(target_group_arn: str) -> None:
    _observed.pop(target_group_arn, None)
