"""MiniStack's records of load balancers, and what we keep beside them.

The records stay where MiniStack has them, so that its tags, its CloudFormation engine and its drift detection see
them. Ours: `ForwardConfig` in actions, `DrainingSince` in targets, `LocalAddress` in load balancers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import acm, alb, ec2

from localcloud.control_plane.elbv2.attributes import LOAD_BALANCER, TARGET_GROUP, complete
from localcloud.control_plane.elbv2.checks import forward_groups
from localcloud.settings import Settings

Record = dict[str, Any]

settings: Settings | None = None
"""Set by `service.install`: address block and time scale of this cloud."""


def current_settings() -> Settings:
    if settings is None:
        raise RuntimeError("elbv2's install has not been called")
    return settings


def scopes() -> list[tuple[str, str]]:
    """Every account and region that has load balancers or target groups."""
    found = {key[:2] for key, _ in (*alb._lbs.all_items(), *alb._tgs.all_items())}
    return sorted(found)


@contextmanager
def scope_of(arn: str) -> Iterator[None]:
    """The account and region an ARN belongs to."""
    parts = arn.split(":")
    with request_scope(parts[4] if len(parts) > 4 else "", parts[3] if len(parts) > 3 else ""):
        yield


def load_balancer_attributes(arn: str) -> dict[str, str]:
    return complete(LOAD_BALANCER, alb._lb_attrs.get(arn) or [])


def target_group_attributes(arn: str) -> dict[str, str]:
    return complete(TARGET_GROUP, alb._tg_attrs.get(arn) or [])


def rules_of(listener_arn: str) -> list[Record]:
    """In order of priority, the default rule last."""
    rules = [rule for rule in alb._rules.values() if rule.get("ListenerArn") == listener_arn]
    return sorted(rules, key=lambda rule: 99_999 if rule.get("IsDefault") else int(rule["Priority"]))


def users_of(target_group_arn: str) -> list[str]:
    """Load balancers with a rule that names the target group. The weight does not matter: 0 is in use."""
    listeners = {listener["ListenerArn"]: listener["LoadBalancerArn"] for listener in alb._listeners.values()}
    users = {
        listeners[rule["ListenerArn"]]
        for rule in alb._rules.values()
        if rule.get("ListenerArn") in listeners
        and any(target_group_arn in forward_groups(action) for action in rule.get("Actions") or [])
    }
    return sorted(users)


def certificate(arn: str) -> Record | None:
    """An ACM certificate of this account and region."""
    found: Record | None = acm._get_local_certificate(arn)
    return found


def instance(instance_id: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = ec2._instances.get(instance_id)
    return found


def instance_running(instance_id: str) -> bool:
    """Pending or running: an instance that can be a target."""
    record = instance(instance_id)
    return record is not None and (record.get("State") or {}).get("Name") in ("pending", "running")


def zone_of(subnet_id: str) -> str:
    return str((ec2._subnets.get(subnet_id) or {}).get("AvailabilityZone", ""))


def vpc_of_subnets(load_balancer: Record) -> str:
    """The VPC its subnets are in; empty when none of them exists."""
    found = (ec2._subnets.get(subnet) for subnet in load_balancer.get("Subnets") or [])
    return next((str(subnet["VpcId"]) for subnet in found if subnet), "")


def targets(target_group_arn: str) -> list[Record]:
    """Registered targets; those whose deregistration delay is over, and those that are gone for good, leave here."""
    delay = int(target_group_attributes(target_group_arn)["deregistration_delay.timeout_seconds"])
    over = time.time() - current_settings().scaled(delay)
    kept = [
        target
        for target in alb._targets.get(target_group_arn) or []
        if not ("DrainingSince" in target and (target["DrainingSince"] <= over or instance(target["Id"]) is None))
    ]
    if target_group_arn in alb._tgs:
        alb._targets[target_group_arn] = kept
    return kept
