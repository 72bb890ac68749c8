"""Instance refreshes in the words of the API and of a template's UpdatePolicy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.control_plane.autoscaling import describe as records
from localcloud.control_plane.autoscaling import requests
from localcloud.control_plane.autoscaling.model import Group, LaunchTemplateRef
from localcloud.control_plane.autoscaling.refresh_model import Preferences, Refresh
from localcloud.wire import AwsError

POLICY_BOUNDS = (100, 110)
"""AutoScalingInstanceRefresh without percentages ("UpdatePolicy attribute", CFN template reference)."""

SUPPORTED = {
    "AlarmSpecification",
    "AutoRollback",
    "BakeTime",
    "CheckpointDelay",
    "CheckpointPercentages",
    "InstanceWarmup",
    "MaxHealthyPercentage",
    "MinHealthyPercentage",
    "ScaleInProtectedInstances",
    "SkipMatching",
    "StandbyInstances",
}


def api_bounds(group: Group) -> tuple[int, int]:
    """Of StartInstanceRefresh without percentages: the group's maintenance policy, else 90 and 100."""
    policy = group.maintenance
    return (policy.min_healthy, policy.max_healthy) if policy else (90, 100)


def preferences(values: Mapping[str, Any], default_bounds: tuple[int, int], skip_matching: bool = False) -> Preferences:
    """:raises AwsError: a preference is unknown here, or out of the range that the API reference gives for it."""
    unsupported = sorted(set(values) - SUPPORTED)
    if unsupported:
        raise AwsError("ValidationError", f"localcloud does not support the preference {', '.join(unsupported)} yet")
    for name in ("ScaleInProtectedInstances", "StandbyInstances"):
        if values.get(name) not in (None, "Ignore"):
            raise AwsError("ValidationError", f"localcloud supports {name} Ignore only, not {values[name]} yet")
    lowest, highest = (
        _number(values, name, default, least, most)
        for name, default, least, most in (
            ("MinHealthyPercentage", default_bounds[0], 0, 100),
            ("MaxHealthyPercentage", default_bounds[1], 100, 200),
        )
    )
    if highest - lowest > 100:
        raise AwsError("ValidationError", "MaxHealthyPercentage may exceed MinHealthyPercentage by at most 100.")
    percentages = tuple(int(item) for item in values.get("CheckpointPercentages") or ())
    if list(percentages) != sorted(set(percentages)) or (
        percentages and not 1 <= percentages[0] <= percentages[-1] == 100
    ):
        raise AwsError("ValidationError", "CheckpointPercentages must ascend from 1 or more, and the last must be 100.")
    alarms = (values.get("AlarmSpecification") or {}).get("Alarms") or ()
    return Preferences(
        lowest,
        highest,
        _number(values, "InstanceWarmup", -1, -1, 2_147_483_647) if values.get("InstanceWarmup", -1) != -1 else None,
        _flag(values.get("SkipMatching", skip_matching)),
        percentages,
        _number(values, "CheckpointDelay", 3600, 0, 172_800),
        _number(values, "BakeTime", 0, 0, 172_800),
        tuple(str(alarm) for alarm in alarms if alarm),
        _flag(values.get("AutoRollback", False)),
    )


def _number(values: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    try:
        number = int(values.get(name, default))
    except (TypeError, ValueError):
        raise AwsError("ValidationError", f"{name} must be a whole number, not {values[name]!r}") from None
    if not least <= number <= most:
        raise AwsError("ValidationError", f"{name} must be from {least} to {most}, not {number}")
    return number


def _flag(value: Any) -> bool:
    return str(value).lower() == "true"


def desired_template(configuration: Mapping[str, Any] | None) -> LaunchTemplateRef | None:
    if not configuration:
        return None
    if "LaunchTemplate" not in configuration or len(configuration) != 1:
        raise AwsError("ValidationError", "localcloud supports a DesiredConfiguration with LaunchTemplate only")
    return requests.launch_template(configuration["LaunchTemplate"])


def describe(group: Group, refresh: Refresh) -> dict[str, Any]:
    """An InstanceRefresh of DescribeInstanceRefreshes."""
    asked = refresh.preferences
    return {
        "InstanceRefreshId": refresh.refresh_id,
        "AutoScalingGroupName": group.name,
        "Status": str(refresh.status),
        "StatusReason": refresh.reason or None,
        "StartTime": refresh.started,
        "EndTime": refresh.ended,
        "PercentageComplete": refresh.percentage,
        "InstancesToUpdate": 0 if refresh.percentage == 100 else refresh.total - refresh.replaced,
        "Strategy": "Rolling",
        "DesiredConfiguration": refresh.desired_template
        and {"LaunchTemplate": records.template(refresh.desired_template)},
        "Preferences": {
            "MinHealthyPercentage": asked.min_healthy,
            "MaxHealthyPercentage": asked.max_healthy,
            "InstanceWarmup": asked.warmup,
            "SkipMatching": asked.skip_matching,
            "CheckpointPercentages": list(asked.checkpoints) or None,
            "CheckpointDelay": asked.checkpoint_delay if asked.checkpoints else None,
            "BakeTime": asked.bake,
            "AlarmSpecification": {"Alarms": list(asked.alarms)} if asked.alarms else None,
            "AutoRollback": asked.auto_rollback,
            "ScaleInProtectedInstances": "Ignore",
            "StandbyInstances": "Ignore",
        },
    }
