"""Elastic Load Balancing's API operations: checked by the service model, carried out on MiniStack's records.

MiniStack's own handlers do what they do well (creating records, tags); around them stands what they drop or accept
without a word: weights, conditions, attributes, protection against deletion, and the truth about target health.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from ministack.services import alb

from localcloud.control_plane.elbv2 import checks, store, targets, views
from localcloud.control_plane.elbv2.attributes import LOAD_BALANCER, TARGET_GROUP, checked
from localcloud.control_plane.elbv2.records import (
    Result,
    Values,
    arn_in,
    load_balancer_record,
    ministack,
    target_group_record,
)
from localcloud.wire import AwsError


def dns_name(record: store.Record) -> str:
    """As AWS shapes it: name, dash, number. The number keeps the names of two accounts apart."""
    scheme = "internal-" if record["Scheme"] == "internal" else ""
    number = 1_000_000_000 + secrets.randbelow(1_000_000_000)
    region = record["LoadBalancerArn"].split(":")[3]
    return f"{scheme}{record['LoadBalancerName']}-{number}.{region}.elb.amazonaws.com"


# --- load balancers ---------------------------------------------------------------------------------------


def create_load_balancer(values: Values, fields: Mapping[str, str]) -> Result:
    checks.load_balancer(values)
    record = load_balancer_record(arn_in(ministack("CreateLoadBalancer", fields), "LoadBalancerArn"))
    record["DNSName"] = dns_name(record)
    record["VpcId"] = store.vpc_of_subnets(record)
    return {"LoadBalancers": [views.load_balancer(record)]}


def describe_load_balancers(values: Values, _: Mapping[str, str]) -> Result:
    arns, names = values.get("LoadBalancerArns"), values.get("Names")
    for arn in arns or []:
        load_balancer_record(arn)
    known = {record["LoadBalancerName"] for record in alb._lbs.values()}
    missing = sorted(set(names or []) - known)
    if missing:
        raise AwsError("LoadBalancerNotFound", f"Load balancers '[{', '.join(missing)}]' not found")
    chosen = [
        record
        for record in alb._lbs.values()
        if (not arns or record["LoadBalancerArn"] in arns) and (not names or record["LoadBalancerName"] in names)
    ]
    return {"LoadBalancers": [views.load_balancer(record) for record in chosen]}


def assert_deletable(arn: str) -> None:
    """Raises AwsError OperationNotPermitted while deletion protection is on."""
    if arn in alb._lbs and store.load_balancer_attributes(arn)["deletion_protection.enabled"] == "true":
        raise AwsError(
            "OperationNotPermitted", f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        )


def delete_load_balancer(values: Values, fields: Mapping[str, str]) -> Result:
    arn = values["LoadBalancerArn"]
    assert_deletable(arn)
    for listener in [each for each in alb._listeners.values() if each["LoadBalancerArn"] == arn]:
        ministack("DeleteListener", {"ListenerArn": listener["ListenerArn"]})
    ministack("DeleteLoadBalancer", fields)
    return None


def describe_load_balancer_attributes(values: Values, _: Mapping[str, str]) -> Result:
    load_balancer_record(values["LoadBalancerArn"])
    return {"Attributes": views.attributes(store.load_balancer_attributes(values["LoadBalancerArn"]))}


def modify_load_balancer_attributes(values: Values, fields: Mapping[str, str]) -> Result:
    arn = values["LoadBalancerArn"]
    load_balancer_record(arn)
    changed = checked(LOAD_BALANCER, "load balancer", values["Attributes"])
    alb._lb_attrs[arn] = views.attributes(store.load_balancer_attributes(arn) | changed)
    return describe_load_balancer_attributes(values, fields)


# --- target groups ----------------------------------------------------------------------------------------


def create_target_group(values: Values, fields: Mapping[str, str]) -> Result:
    checks.target_group(values)
    if not values.get("Port") or not values.get("VpcId"):
        raise AwsError("ValidationError", "A port and a VPC ID must be specified")
    record = target_group_record(arn_in(ministack("CreateTargetGroup", fields), "TargetGroupArn"))
    return {"TargetGroups": [views.target_group(record)]}


def describe_target_groups(values: Values, _: Mapping[str, str]) -> Result:
    arns, names, user = values.get("TargetGroupArns"), values.get("Names"), values.get("LoadBalancerArn")
    for arn in arns or []:
        target_group_record(arn)
    if user:
        load_balancer_record(user)
    missing = sorted(set(names or []) - {record["TargetGroupName"] for record in alb._tgs.values()})
    if missing:
        raise AwsError("TargetGroupNotFound", f"Target groups '[{', '.join(missing)}]' not found")
    chosen = [
        record
        for record in alb._tgs.values()
        if (not arns or record["TargetGroupArn"] in arns)
        and (not names or record["TargetGroupName"] in names)
        and (not user or user in store.users_of(record["TargetGroupArn"]))
    ]
    return {"TargetGroups": [views.target_group(record) for record in chosen]}


def modify_target_group(values: Values, fields: Mapping[str, str]) -> Result:
    record = target_group_record(values["TargetGroupArn"])
    checks.health_check({**record, **values})
    ministack("ModifyTargetGroup", fields)
    return {"TargetGroups": [views.target_group(record)]}


def assert_unused(arn: str) -> None:
    """Raises AwsError ResourceInUse while a rule names the target group."""
    if store.users_of(arn):
        raise AwsError("ResourceInUse", f"Target group '{arn}' is currently in use by a listener or a rule")


def delete_target_group(values: Values, fields: Mapping[str, str]) -> Result:
    assert_unused(values["TargetGroupArn"])
    if values["TargetGroupArn"] in alb._tgs:
        ministack("DeleteTargetGroup", fields)
        targets.forget(values["TargetGroupArn"])
    return None


def describe_target_group_attributes(values: Values, _: Mapping[str, str]) -> Result:
    target_group_record(values["TargetGroupArn"])
    return {"Attributes": views.attributes(store.target_group_attributes(values["TargetGroupArn"]))}


def modify_target_group_attributes(values: Values, fields: Mapping[str, str]) -> Result:
    arn = values["TargetGroupArn"]
    target_group_record(arn)
    changed = checked(TARGET_GROUP, "target group", values["Attributes"])
    alb._tg_attrs[arn] = views.attributes(store.target_group_attributes(arn) | changed)
    return describe_target_group_attributes(values, fields)


# --- targets ----------------------------------------------------------------------------------------------


def register_targets(values: Values, _: Mapping[str, str]) -> Result:
    group = target_group_record(values["TargetGroupArn"])
    for target in values["Targets"]:
        if not store.instance_running(target["Id"]):
            reason = "are not in a running state and cannot be registered"
            raise AwsError("InvalidTarget", f"The following targets {reason}: '{target['Id']}'")
        if target.get("Port") not in (None, group["Port"]):
            raise checks.unsupported(
                "targets on a port of their own", "be registered; here the target group's port holds"
            )
    for target in values["Targets"]:
        targets.register_target(values["TargetGroupArn"], target["Id"])
    return None


def deregister_targets(values: Values, _: Mapping[str, str]) -> Result:
    target_group_record(values["TargetGroupArn"])
    for target in values["Targets"]:
        targets.deregister_target(values["TargetGroupArn"], target["Id"])
    return None


def describe_target_health(values: Values, _: Mapping[str, str]) -> Result:
    group = target_group_record(values["TargetGroupArn"])
    registered = {target["Id"]: target for target in store.targets(values["TargetGroupArn"])}
    asked = [target["Id"] for target in values.get("Targets") or []] or list(registered)
    port = group["HealthCheckPort"]
    descriptions = []
    for name in asked:
        target = registered.get(name)
        health = targets.NOT_REGISTERED if target is None else targets.health_of(values["TargetGroupArn"], target)
        view: Values = {
            "State": health.state,
            "Reason": health.reason or None,
            "Description": health.description or None,
        }
        description: Values = {"Target": {"Id": name, "Port": int(group["Port"])}, "TargetHealth": view}
        description["HealthCheckPort"] = str(group["Port"]) if port == "traffic-port" else str(port)
        descriptions.append(description)
    return {"TargetHealthDescriptions": descriptions}
