"""Scaling policies in the words of the API and of a template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.control_plane.autoscaling import requests
from localcloud.control_plane.autoscaling.model import Group
from localcloud.control_plane.autoscaling.policy_model import Policy, Tracking
from localcloud.control_plane.autoscaling.target_tracking import METRICS
from localcloud.wire import AwsError

TYPE = "TargetTrackingScaling"

SUPPORTED = {
    "AutoScalingGroupName",
    "Enabled",
    "EstimatedInstanceWarmup",
    "PolicyName",
    "PolicyType",
    "TargetTrackingConfiguration",
}

CONFIGURATION = {"DisableScaleIn", "PredefinedMetricSpecification", "TargetValue"}


def tracking(values: Mapping[str, Any]) -> Tracking:
    """Of PutScalingPolicy and AWS::AutoScaling::ScalingPolicy alike. Raises `AwsError`."""
    kind = values.get("PolicyType") or "SimpleScaling"
    if kind != TYPE:
        raise AwsError("ValidationError", f"localcloud does not support the policy type {kind} yet; it knows {TYPE}")
    configuration = values.get("TargetTrackingConfiguration") or {}
    _refuse(set(values) - SUPPORTED, "a scaling policy")
    _refuse(set(configuration) - CONFIGURATION, "TargetTrackingConfiguration")
    specification = configuration.get("PredefinedMetricSpecification") or {}
    metric = specification.get("PredefinedMetricType")
    if metric is None or "TargetValue" not in configuration:
        raise AwsError(
            "ValidationError",
            "TargetTrackingConfiguration needs TargetValue and PredefinedMetricSpecification.PredefinedMetricType",
        )
    if metric not in METRICS:
        known = ", ".join(METRICS)
        raise AwsError("ValidationError", f"localcloud does not support the metric {metric} yet; it knows {known}")
    return Tracking(
        metric,
        _number("TargetValue", configuration["TargetValue"]),
        specification.get("ResourceLabel"),
        not requests.flag(configuration.get("DisableScaleIn", False)),
    )


def warmup(values: Mapping[str, Any]) -> int | None:
    """EstimatedInstanceWarmup in seconds; None: the group's."""
    given = values.get("EstimatedInstanceWarmup")
    return None if given is None else int(_number("EstimatedInstanceWarmup", given))


def _refuse(unsupported: set[str], what: str) -> None:
    if unsupported:
        names = ", ".join(sorted(unsupported))
        raise AwsError("ValidationError", f"localcloud does not support {names} of {what} yet")


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise AwsError("ValidationError", f"{name} must be a number, not {value!r}") from None


def alarms(policy: Policy) -> list[dict[str, Any]]:
    return [{"AlarmName": alarm.name, "AlarmARN": alarm.arn} for alarm in policy.alarms.values()]


def describe(group: Group, policy: Policy) -> dict[str, Any]:
    """A ScalingPolicy of DescribePolicies."""
    asked = policy.tracking
    return {
        "AutoScalingGroupName": group.name,
        "PolicyName": policy.name,
        "PolicyARN": policy.arn,
        "PolicyType": TYPE,
        "StepAdjustments": [],
        "EstimatedInstanceWarmup": policy.warmup,
        "Alarms": alarms(policy),
        "TargetTrackingConfiguration": {
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": asked.metric,
                "ResourceLabel": asked.resource_label,
            },
            "TargetValue": asked.target,
            "DisableScaleIn": not asked.scale_in,
        },
        "Enabled": policy.enabled,
    }
