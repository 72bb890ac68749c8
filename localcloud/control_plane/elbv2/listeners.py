"""Listeners and rules: the part of Elastic Load Balancing's API that says where a request goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import alb

from localcloud.control_plane.elbv2 import checks, store, views
from localcloud.control_plane.elbv2.attributes import LISTENER, checked, complete
from localcloud.control_plane.elbv2.records import (
    Result,
    Values,
    arn_in,
    found,
    groups_usable,
    listener_record,
    load_balancer_record,
    ministack,
)
from localcloud.wire import AwsError


def _certificate_exists(values: Mapping[str, Any]) -> bool:
    return all(store.certificate(entry.get("CertificateArn", "")) for entry in values.get("Certificates") or [])


def create_listener(values: Values, fields: Mapping[str, str]) -> Result:
    load_balancer_record(values["LoadBalancerArn"])
    checks.listener(values, _certificate_exists(values), creating=True)
    groups_usable(values["DefaultActions"], values["LoadBalancerArn"])
    assert_port_free(values["LoadBalancerArn"], int(values.get("Port") or 0))
    record = listener_record(arn_in(ministack("CreateListener", fields), "ListenerArn"))
    return {"Listeners": [views.listener(record)]}


def assert_port_free(load_balancer_arn: str, port: int, but: str = "") -> None:
    for other in alb._listeners.values():
        if other["LoadBalancerArn"] == load_balancer_arn and other["Port"] == port and other["ListenerArn"] != but:
            raise AwsError("DuplicateListener", f"A listener already exists on port {port} of this load balancer")
    if port == 0:
        raise AwsError("ValidationError", "A listener port must be specified")


def describe_listeners(values: Values, _: Mapping[str, str]) -> Result:
    arns, user = values.get("ListenerArns"), values.get("LoadBalancerArn")
    if not arns and not user:
        raise AwsError("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
    if user:
        load_balancer_record(user)
    chosen = [listener_record(arn) for arn in arns or []] or [
        record for record in alb._listeners.values() if record["LoadBalancerArn"] == user
    ]
    return {"Listeners": [views.listener(record) for record in chosen]}


def modify_listener(values: Values, fields: Mapping[str, str]) -> Result:
    record = listener_record(values["ListenerArn"])
    after = {key: value for key, value in views.listener(record).items() if key != "DefaultActions"} | values
    checks.listener(after, _certificate_exists(after), creating=False)
    groups_usable(values.get("DefaultActions") or [], record["LoadBalancerArn"])
    assert_port_free(record["LoadBalancerArn"], int(after["Port"]), but=record["ListenerArn"])
    ministack("ModifyListener", fields)
    return {"Listeners": [views.listener(record)]}


def delete_listener(values: Values, fields: Mapping[str, str]) -> Result:
    listener_record(values["ListenerArn"])
    ministack("DeleteListener", fields)
    return None


def describe_listener_attributes(values: Values, _: Mapping[str, str]) -> Result:
    listener_record(values["ListenerArn"])
    stored = alb._listener_attrs.get(values["ListenerArn"]) or []
    return {"Attributes": views.attributes(complete(LISTENER, stored))}


def modify_listener_attributes(values: Values, fields: Mapping[str, str]) -> Result:
    listener_record(values["ListenerArn"])
    checked(LISTENER, "listener", values["Attributes"])
    return describe_listener_attributes(values, fields)


def create_rule(values: Values, fields: Mapping[str, str]) -> Result:
    listener_record(values["ListenerArn"])
    rule_checks(values, values["ListenerArn"])
    assert_priority_free(values["ListenerArn"], values["Priority"])
    answer = ministack("CreateRule", fields)
    return {"Rules": [views.rule(alb._rules[arn_in(answer, "RuleArn")])]}


def rule_checks(values: Mapping[str, Any], listener_arn: str) -> None:
    """Whatever of a rule is in `values`."""
    if values.get("Transforms"):
        raise checks.unsupported("transforms", "rewrite the request")
    if "Priority" in values:
        checks.priority(values["Priority"])
    if "Conditions" in values:
        checks.conditions(values["Conditions"])
    if "Actions" in values:
        checks.actions(values["Actions"])
        groups_usable(values["Actions"], listener_record(listener_arn)["LoadBalancerArn"])


def assert_priority_free(listener_arn: str, priority: Any, but: str = "") -> None:
    for rule in alb._rules.values():
        if rule.get("ListenerArn") == listener_arn and rule["Priority"] == str(priority) and rule["RuleArn"] != but:
            raise AwsError("PriorityInUse", f"Priority '{priority}' is currently in use")


def describe_rules(values: Values, _: Mapping[str, str]) -> Result:
    arns, user = values.get("RuleArns"), values.get("ListenerArn")
    if not arns and not user:
        raise AwsError("ValidationError", "You must specify either listener rule ARNs or a listener ARN")
    if user:
        listener_record(user)
    chosen = [found(alb._rules, arn, "RuleNotFound", "Rule") for arn in arns or []] or store.rules_of(str(user))
    return {"Rules": [views.rule(record) for record in chosen]}


def modify_rule(values: Values, fields: Mapping[str, str]) -> Result:
    record = found(alb._rules, values["RuleArn"], "RuleNotFound", "Rule")
    rule_checks(values, record["ListenerArn"])
    ministack("ModifyRule", fields)
    return {"Rules": [views.rule(record)]}


def delete_rule(values: Values, fields: Mapping[str, str]) -> Result:
    found(alb._rules, values["RuleArn"], "RuleNotFound", "Rule")
    ministack("DeleteRule", fields)
    return None
