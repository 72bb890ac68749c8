"""The four load balancing types of CloudFormation: MiniStack's handlers, checked and completed.

References: the resource types under
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_ElasticLoadBalancingV2.html
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from ministack.services import alb
from ministack.services.cloudformation import provisioners

from localcloud.control_plane.elbv2 import checks, listeners, operations, store, targets, views
from localcloud.control_plane.elbv2.attributes import LISTENER, LOAD_BALANCER, TARGET_GROUP, checked
from localcloud.control_plane.elbv2.records import groups_usable
from localcloud.control_plane.lock import LOCK
from localcloud.wire import AwsError

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]
_PREFIX = "AWS::ElasticLoadBalancingV2::"


def forward_actions(properties: Properties, _load_balancer_arn: str | None, prop: str = "DefaultActions") -> list[Any]:
    """Actions as the records keep them, with every target group and its weight."""
    return [{"Order": 1, **views.action(action)} for action in properties.get(prop) or []]


def _load_balancer(properties: Properties) -> None:
    checks.load_balancer(properties)
    checked(LOAD_BALANCER, "load balancer", properties.get("LoadBalancerAttributes") or [])


def _target_group(properties: Properties) -> None:
    checks.target_group(properties)
    if properties.get("Targets"):
        raise checks.unsupported("Targets of a target group in a template", "register them")
    checked(TARGET_GROUP, "target group", properties.get("TargetGroupAttributes") or [])


def _listener(properties: Properties) -> None:
    certificates = [entry.get("CertificateArn", "") for entry in properties.get("Certificates") or []]
    checks.listener(properties, all(store.certificate(arn) for arn in certificates), creating=True)
    checked(LISTENER, "listener", properties.get("ListenerAttributes") or [])
    groups_usable(properties["DefaultActions"], properties["LoadBalancerArn"])


def _rule(properties: Properties) -> None:
    listeners.rule_checks(properties, properties["ListenerArn"])


_CHECKS: dict[str, Callable[[Properties], None]] = {
    "LoadBalancer": _load_balancer,
    "TargetGroup": _target_group,
    "Listener": _listener,
    "ListenerRule": _rule,
}


def _refusing(act: Callable[..., Any]) -> Callable[..., Any]:
    """A handler that raises fails the resource, and its message is the event's reason."""

    def guarded(*args: Any, **options: Any) -> Any:
        with LOCK:
            try:
                return act(*args, **options)
            except AwsError as error:
                service = f"Service: ElasticLoadBalancingV2, Error Code: {error.code}"
                raise ValueError(f"{error.message} ({service})") from error

    return guarded


def _create(kind: str, original: Callable[..., Provisioned]) -> Callable[..., Provisioned]:
    def create(logical_id: str, properties: Properties, stack_name: str) -> Provisioned:
        _CHECKS[kind](properties)
        if kind == "Listener":
            listeners.assert_port_free(properties["LoadBalancerArn"], int(properties.get("Port") or 0))
        if kind == "ListenerRule":
            listeners.assert_priority_free(properties["ListenerArn"], properties["Priority"])
        return _complete(kind, *original(logical_id, properties, stack_name))

    return create


def _complete(kind: str, arn: str, attributes: dict[str, Any]) -> Provisioned:
    """What the original left out of a new record, and the attributes that change by it."""
    if kind == "LoadBalancer":
        record = alb._lbs[arn]
        record["DNSName"] = operations.dns_name(record)
        record["VpcId"] = store.vpc_of_subnets(record)
        alb._lb_attrs[arn] = views.attributes(store.load_balancer_attributes(arn))
        return arn, attributes | {"DNSName": record["DNSName"]}
    if kind == "TargetGroup":
        arn = _with_hexadecimal_id(arn)
        alb._tg_attrs[arn] = views.attributes(store.target_group_attributes(arn))
        names = {"TargetGroupArn": arn, "TargetGroupFullName": target_group_full_name(arn)}
        return arn, attributes | names | {"LoadBalancerArns": []}
    if kind == "ListenerRule":
        return arn, attributes | {"IsDefault": False}
    return arn, attributes


def target_group_full_name(arn: str) -> str:
    """The last part of its ARN, which is also its dimension in metrics."""
    return arn.split(":", 5)[5]


def _with_hexadecimal_id(arn: str) -> str:
    """A new target group's ARN, with an id as AWS makes them: MiniStack's own have any letter."""
    renamed = f"{arn.rpartition('/')[0]}/{secrets.token_hex(8)}"
    for records in (alb._tgs, alb._targets, alb._tags, alb._tg_attrs):
        records[renamed] = records.pop(arn)
    alb._tgs[renamed]["TargetGroupArn"] = renamed
    return renamed


def _update(kind: str, original: Callable[..., Provisioned]) -> Callable[..., Provisioned]:
    def update(
        physical_id: str, old: Properties, new: Properties, stack_name: str, logical_id: str | None = None
    ) -> Provisioned:
        _CHECKS[kind](new)
        if kind == "Listener":
            listeners.assert_port_free(new["LoadBalancerArn"], int(new.get("Port") or 0), but=physical_id)
        if kind == "ListenerRule":
            listeners.assert_priority_free(new["ListenerArn"], new["Priority"], but=physical_id)
        arn, attributes = original(physical_id, old, new, stack_name, logical_id)
        return (arn, attributes) if arn == physical_id else _complete(kind, arn, attributes)

    return update


def _delete(kind: str, original: Callable[..., None]) -> Callable[..., None]:
    def delete(physical_id: str, properties: Properties) -> None:
        if kind == "LoadBalancer":
            operations.assert_deletable(physical_id)
        if kind == "TargetGroup":
            operations.assert_unused(physical_id)
            targets.forget(physical_id)
        original(physical_id, properties)

    return delete


def install() -> None:
    """Puts the handlers in MiniStack's place; once."""
    provisioners._elbv2_listener_actions = forward_actions
    for kind in _CHECKS:
        handlers = provisioners._RESOURCE_HANDLERS[_PREFIX + kind]
        handlers["create"] = _refusing(_create(kind, handlers["create"]))
        handlers["update"] = _refusing(_update(kind, handlers["update"]))
        handlers["delete"] = _refusing(_delete(kind, handlers["delete"]))
