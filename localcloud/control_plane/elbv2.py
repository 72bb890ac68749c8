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
from localcloud.control_plane import elbv2_api, elbv2_listeners, elbv2_records, elbv2_stacks, elbv2_store, elbv2_views
from localcloud.control_plane.elbv2_specs import certificates_in_use, desired_load_balancers
from localcloud.control_plane.elbv2_targets import (
    deregister_target,
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
    "install",
    "register_target",
    "target_group_exists",
    "target_health_observed",
    "target_state",
]

log = logging.getLogger(__name__)

MODEL = wire.service_model("elbv2")

_OPERATIONS: dict[str, Callable[[dict[str, Any], Mapping[str, str]], elbv2_records.Result]] = {
    "CreateListener": elbv2_listeners.create_listener,
    "CreateLoadBalancer": elbv2_api.create_load_balancer,
    "CreateRule": elbv2_listeners.create_rule,
    "CreateTargetGroup": elbv2_api.create_target_group,
    "DeleteListener": elbv2_listeners.delete_listener,
    "DeleteLoadBalancer": elbv2_api.delete_load_balancer,
    "DeleteRule": elbv2_listeners.delete_rule,
    "DeleteTargetGroup": elbv2_api.delete_target_group,
    "DeregisterTargets": elbv2_api.deregister_targets,
    "DescribeListenerAttributes": elbv2_listeners.describe_listener_attributes,
    "DescribeListeners": elbv2_listeners.describe_listeners,
    "DescribeLoadBalancerAttributes": elbv2_api.describe_load_balancer_attributes,
    "DescribeLoadBalancers": elbv2_api.describe_load_balancers,
    "DescribeRules": elbv2_listeners.describe_rules,
    "DescribeTargetGroupAttributes": elbv2_api.describe_target_group_attributes,
    "DescribeTargetGroups": elbv2_api.describe_target_groups,
    "DescribeTargetHealth": elbv2_api.describe_target_health,
    "ModifyListener": elbv2_listeners.modify_listener,
    "ModifyListenerAttributes": elbv2_listeners.modify_listener_attributes,
    "ModifyLoadBalancerAttributes": elbv2_api.modify_load_balancer_attributes,
    "ModifyRule": elbv2_listeners.modify_rule,
    "ModifyTargetGroup": elbv2_api.modify_target_group,
    "ModifyTargetGroupAttributes": elbv2_api.modify_target_group_attributes,
    "RegisterTargets": elbv2_api.register_targets,
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
    actions: dict[str, Any] = wire._tree(fields).get(prefix, {}).get("member", {})
    found = []
    for index in sorted(actions, key=int):
        action = actions[index]
        groups = action.get("ForwardConfig", {}).get("TargetGroups", {}).get("member", {})
        tuples = [groups[key] for key in sorted(groups, key=int)]
        named = {"Type": action["Type"], "TargetGroupArn": action.get("TargetGroupArn")}
        found.append({"Order": 1, **elbv2_views.action({**named, "ForwardConfig": {"TargetGroups": tuples}})})
    return found


def install(settings: Settings) -> None:
    """Makes MiniStack's load balancers ours. A second call changes the settings only.

    Raises AttributeError or KeyError, naming what is missing, when MiniStack is not the release we were written for.
    """
    first, elbv2_store.settings = elbv2_store.settings is None, settings
    if not first:
        return
    elbv2_records.MINISTACK.update(alb._ACTION_MAP)
    missing = sorted(set(_OPERATIONS) - set(alb._ACTION_MAP))
    if missing:
        raise KeyError(f"MiniStack has no {', '.join(missing)}")
    for name in MODEL.operation_names:
        if name in _OPERATIONS:
            alb._ACTION_MAP[name] = _operation(name)
        elif name not in _MINISTACK_IS_RIGHT:
            alb._ACTION_MAP[name] = _refused(name)
    for attribute in (
        "_parse_actions",
        "_short_id",
        "find_lb_for_host",
        "_find_lb_by_name",
        "_lbs",
        "_tgs",
        "_listeners",
        "_rules",
        "_targets",
        "_tags",
    ):
        if not hasattr(alb, attribute):
            raise AttributeError(f"MiniStack's alb has no {attribute}")
    alb._parse_actions = _parse_actions
    # MiniStack's own data plane answers on the API's port, over plain HTTP and without health: never instead of ours.
    alb.find_lb_for_host = alb._find_lb_by_name = lambda _: None
    # Ids of load balancers and target groups are 16 hexadecimal digits.
    alb._short_id = lambda: secrets.token_hex(8)
    elbv2_stacks.install()
