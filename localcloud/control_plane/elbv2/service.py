"""Elastic Load Balancing of the local cloud: what the API says. The balancer makes it true.

`install` first; the functions here are what the reconciler and the Auto Scaling groups use.
"""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import alb

from localcloud import wire
from localcloud.control_plane.elbv2 import listeners, operations, records, stacks, store, views
from localcloud.control_plane.elbv2.specs import certificates_in_use, desired_load_balancers
from localcloud.control_plane.elbv2.targets import (
    deregister_target,
    hosts,
    register_target,
    target_group_exists,
    target_health_observed,
    target_state,
)
from localcloud.control_plane.lock import LOCK
from localcloud.settings import Settings

__all__ = [
    "certificates_in_use",
    "deregister_target",
    "desired_load_balancers",
    "hosts",
    "install",
    "register_target",
    "target_group_exists",
    "target_health_observed",
    "target_state",
]

log = logging.getLogger(__name__)

MODEL = wire.service_model("elbv2")

_OPERATIONS: dict[str, Callable[[dict[str, Any], Mapping[str, str]], records.Result]] = {
    "CreateListener": listeners.create_listener,
    "CreateLoadBalancer": operations.create_load_balancer,
    "CreateRule": listeners.create_rule,
    "CreateTargetGroup": operations.create_target_group,
    "DeleteListener": listeners.delete_listener,
    "DeleteLoadBalancer": operations.delete_load_balancer,
    "DeleteRule": listeners.delete_rule,
    "DeleteTargetGroup": operations.delete_target_group,
    "DeregisterTargets": operations.deregister_targets,
    "DescribeListenerAttributes": listeners.describe_listener_attributes,
    "DescribeListeners": listeners.describe_listeners,
    "DescribeLoadBalancerAttributes": operations.describe_load_balancer_attributes,
    "DescribeLoadBalancers": operations.describe_load_balancers,
    "DescribeRules": listeners.describe_rules,
    "DescribeTargetGroupAttributes": operations.describe_target_group_attributes,
    "DescribeTargetGroups": operations.describe_target_groups,
    "DescribeTargetHealth": operations.describe_target_health,
    "ModifyListener": listeners.modify_listener,
    "ModifyListenerAttributes": listeners.modify_listener_attributes,
    "ModifyLoadBalancerAttributes": operations.modify_load_balancer_attributes,
    "ModifyRule": listeners.modify_rule,
    "ModifyTargetGroup": operations.modify_target_group,
    "ModifyTargetGroupAttributes": operations.modify_target_group_attributes,
    "RegisterTargets": operations.register_targets,
}
_MINISTACK_IS_RIGHT = ("AddTags", "DescribeTags", "RemoveTags", "SetSecurityGroups", "SetSubnets")


def _operation(name: str) -> Callable[[dict[str, Any]], wire.Response]:
    act = _OPERATIONS[name]

    def respond(params: dict[str, Any]) -> wire.Response:
        fields = {key: value[0] if isinstance(value, list) else str(value) for key, value in params.items()}
        request_id = str(uuid.uuid4())
        try:
            with LOCK:
                _, values = wire.parse(MODEL, fields)
                body = wire.serialise(MODEL, name, act(values, fields), request_id)
        except wire.AwsError as error:
            return wire.error(MODEL, error, request_id)
        return 200, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body

    return respond


def _refused(name: str) -> Callable[[dict[str, Any]], wire.Response]:
    def respond(_: dict[str, Any]) -> wire.Response:
        error = wire.AwsError("InvalidAction", f"localcloud does not support elasticloadbalancing:{name} yet")
        return wire.error(MODEL, error, str(uuid.uuid4()))

    return respond


def _parse_actions(params: dict[str, Any], prefix: str = "DefaultActions") -> list[Any]:
    """In place of MiniStack's: keeps every target group and its weight."""
    fields = {key: value[0] if isinstance(value, list) else value for key, value in params.items()}
    actions: dict[str, Any] = wire.tree(fields).get(prefix, {}).get("member", {})
    found = []
    for index in sorted(actions, key=int):
        action = actions[index]
        groups = action.get("ForwardConfig", {}).get("TargetGroups", {}).get("member", {})
        tuples = [groups[key] for key in sorted(groups, key=int)]
        named = {"Type": action["Type"], "TargetGroupArn": action.get("TargetGroupArn")}
        found.append({"Order": 1, **views.action({**named, "ForwardConfig": {"TargetGroups": tuples}})})
    return found


def install(settings: Settings) -> None:
    """Makes MiniStack's load balancers ours. A second call changes the settings only.

    Raises KeyError, naming what is missing, for operations that MiniStack does not have.
    """
    first, store.settings = store.settings is None, settings
    if not first:
        return
    records.MINISTACK.update(alb._ACTION_MAP)
    missing = sorted(set(_OPERATIONS) - set(alb._ACTION_MAP))
    if missing:
        raise KeyError(f"MiniStack has no {', '.join(missing)}")
    for name in MODEL.operation_names:
        if name in _OPERATIONS:
            alb._ACTION_MAP[name] = _operation(name)
        elif name not in _MINISTACK_IS_RIGHT:
            alb._ACTION_MAP[name] = _refused(name)
    alb._parse_actions = _parse_actions
    # MiniStack's own data plane answers on the API's port, over plain HTTP and without health: never instead of ours.
    alb.find_lb_for_host = alb._find_lb_by_name = lambda _: None
    # Ids of load balancers and target groups are 16 hexadecimal digits.
    alb._short_id = lambda: secrets.token_hex(8)
    # MiniStack's lacks the first part: "targetgroup/my-target-group/cbf133c568e0d028" (AWS::…::TargetGroup, GetAtt).
    alb._target_group_full_name_from_arn = stacks.target_group_full_name
    stacks.install()
