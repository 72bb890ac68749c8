"""Records as the API returns them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ministack.services import alb

from localcloud.control_plane.elbv2 import store
from localcloud.control_plane.elbv2.checks import forward_groups

HOSTED_ZONE = "Z35SXDOTRQ7X7K"
"""Of every load balancer in us-east-1 ("Elastic Load Balancing endpoints and quotas")."""


def load_balancer(record: store.Record) -> dict[str, Any]:
    zones = [{"ZoneName": store.zone_of(subnet), "SubnetId": subnet} for subnet in record.get("Subnets") or []]
    return {
        "LoadBalancerArn": record["LoadBalancerArn"],
        "DNSName": record["DNSName"],
        "CanonicalHostedZoneId": HOSTED_ZONE,
        "CreatedTime": datetime.fromisoformat(record["CreatedTime"]),
        "LoadBalancerName": record["LoadBalancerName"],
        "Scheme": record["Scheme"],
        "VpcId": record.get("VpcId", ""),
        "State": {"Code": record["State"]},
        "Type": record["Type"],
        "AvailabilityZones": zones,
        "SecurityGroups": record.get("SecurityGroups") or [],
        "IpAddressType": record.get("IpAddressType", "ipv4"),
    }


def target_group(record: store.Record) -> dict[str, Any]:
    names = (
        "TargetGroupArn", "TargetGroupName", "Protocol", "Port", "VpcId", "HealthCheckProtocol", "HealthCheckPort",
        "HealthCheckEnabled", "HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount",
        "UnhealthyThresholdCount", "HealthCheckPath",
    )  # fmt: skip
    return {name: record[name] for name in names} | {
        "Matcher": {"HttpCode": str(record["Matcher"]["HttpCode"])},
        "LoadBalancerArns": store.users_of(record["TargetGroupArn"]),
        "TargetType": record["TargetType"],
        "ProtocolVersion": "HTTP1",
        "IpAddressType": "ipv4",
    }


def action(stored: Mapping[str, Any]) -> dict[str, Any]:
    """AWS names the target group of a single-group action twice: on its own and in ForwardConfig."""
    groups = forward_groups(stored)
    view: dict[str, Any] = {"Type": stored["Type"]}
    if len(groups) == 1:
        view["TargetGroupArn"] = next(iter(groups))
    view["ForwardConfig"] = {
        "TargetGroups": [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in groups.items()],
        "TargetGroupStickinessConfig": {"Enabled": False},
    }
    return view


def listener(record: store.Record) -> dict[str, Any]:
    return {
        "ListenerArn": record["ListenerArn"],
        "LoadBalancerArn": record["LoadBalancerArn"],
        "Port": int(record["Port"]),
        "Protocol": record["Protocol"],
        "Certificates": [{"CertificateArn": arn} for arn in record.get("Certificates") or []],
        "SslPolicy": record.get("SslPolicy"),
        "DefaultActions": [action(each) for each in record["DefaultActions"]],
        "MutualAuthentication": {"Mode": "off"},
    }


def rule(record: store.Record) -> dict[str, Any]:
    conditions = [
        {
            "Field": each["Field"],
            "HttpHeaderConfig": {
                "HttpHeaderName": str(each["HttpHeaderConfig"]["HttpHeaderName"]),
                "Values": [str(value) for value in each["HttpHeaderConfig"]["Values"]],
            },
        }
        for each in record.get("Conditions") or []
    ]
    return {
        "RuleArn": record["RuleArn"],
        "Priority": str(record["Priority"]),
        "Conditions": conditions,
        "Actions": [action(each) for each in record["Actions"]],
        "IsDefault": bool(record.get("IsDefault")),
        "Transforms": [],
    }


def attributes(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(values.items())]


def default_rule(listener_arn: str) -> store.Record | None:
    return next((r for r in alb._rules.values() if r.get("ListenerArn") == listener_arn and r.get("IsDefault")), None)
