"""Load balancers and what belongs to them, as Elastic Load Balancing has them now.

Attributes that a template does not name keep whatever value they have ("Attributes that you do not modify retain
their current values"), so that only those it names are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import alb

from localcloud.control_plane.drift.readers import Properties, register, tag_list
from localcloud.control_plane.elbv2 import store, views
from localcloud.control_plane.elbv2.attributes import LISTENER, complete

_PREFIX = "AWS::ElasticLoadBalancingV2::"


def install() -> None:
    register(_PREFIX + "LoadBalancer", _load_balancer)
    register(_PREFIX + "TargetGroup", _target_group)
    register(_PREFIX + "Listener", _listener)
    register(_PREFIX + "ListenerRule", _rule)


def _named(expected: Properties, name: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    keys = {attribute.get("Key") for attribute in expected.get(name) or ()}
    return [{"Key": key, "Value": value} for key, value in values.items() if key in keys]


def _load_balancer(arn: str, expected: Properties) -> Properties | None:
    record = alb._lbs.get(arn)
    return record and {
        "Name": record["LoadBalancerName"],
        "Scheme": record["Scheme"],
        "Type": record["Type"],
        "IpAddressType": record.get("IpAddressType", "ipv4"),
        "Subnets": record.get("Subnets") or [],
        "SecurityGroups": record.get("SecurityGroups") or [],
        "LoadBalancerAttributes": _named(expected, "LoadBalancerAttributes", store.load_balancer_attributes(arn)),
        "Tags": tag_list(alb._tags.get(arn)),
    }


def _target_group(arn: str, expected: Properties) -> Properties | None:
    record = alb._tgs.get(arn)
    if record is None:
        return None
    view = views.target_group(record)
    return {
        **view,
        "Name": view["TargetGroupName"],
        "TargetGroupAttributes": _named(expected, "TargetGroupAttributes", store.target_group_attributes(arn)),
        "Tags": tag_list(alb._tags.get(arn)),
    }


def _actions(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"Order": action.get("Order", 1), **views.action(action)} for action in stored]


def _listener(arn: str, expected: Properties) -> Properties | None:
    record = alb._listeners.get(arn)
    if record is None:
        return None
    view = views.listener(record)
    attributes = complete(LISTENER, alb._listener_attrs.get(arn) or [])
    return {
        **view,
        "DefaultActions": _actions(record["DefaultActions"]),
        "ListenerAttributes": _named(expected, "ListenerAttributes", attributes),
        "Tags": tag_list(alb._tags.get(arn)),
    }


def _rule(arn: str, _: Properties) -> Properties | None:
    record = alb._rules.get(arn)
    if record is None:
        return None
    view = views.rule(record)
    return {**view, "ListenerArn": record["ListenerArn"], "Actions": _actions(record["Actions"])}
