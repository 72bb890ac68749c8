"""Instance refreshes in the words of the API and of a template's UpdatePolicy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

from localcloud.control_plane.autoscaling import describe as records
from localcloud.control_plane.autoscaling import requests
from localcloud.control_plane.autoscaling.model import Group, LaunchTemplateRef, MaintenancePolicy
from localcloud.control_plane.autoscaling.refresh_model import Preferences, Protected, Refresh
from localcloud.wire import AwsError

Bounds = tuple[int, int | None]
"""MinHealthyPercentage and MaxHealthyPercentage; None: left out, which is not the same as 100."""

API_BOUNDS: Bounds = (90, None)
"""StartInstanceRefresh without percentages and without a maintenance policy (RefreshPreferences, API)."""

STACK_BOUNDS: Bounds = (100, 110)
"""AutoScalingInstanceRefresh without percentages and without a maintenance policy ("UpdatePolicy attribute", CFN)."""

MOST_ALARMS = 10
"""AlarmSpecification, API reference."""

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


def preferences(
    values: Mapping[str, Any],
    policy: MaintenancePolicy | None,
    default_bounds: Bounds = API_BOUNDS,
    skip_matching: bool = False,
) -> Preferences:
    """Percentages that are left out are those of the group's maintenance policy, without one `default_bounds`.

    :raises AwsError: a preference is unknown here, or out of the range that the API reference gives for it.
    """
    unsupported = sorted(set(values) - SUPPORTED)
    if unsupported:
        raise AwsError("ValidationError", f"localcloud does not support the preference {', '.join(unsupported)} yet")
    protected = _choice(values, "ScaleInProtectedInstances", get_args(Protected))
    # Nothing can be in Standby here, so that each of the choices comes to the same.
    _choice(values, "StandbyInstances", ("Terminate", "Ignore", "Wait"))
    if "MaxHealthyPercentage" in values and "MinHealthyPercentage" not in values:
        raise AwsError("ValidationError", "MaxHealthyPercentage needs MinHealthyPercentage beside it.")
    bounds = (policy.min_healthy, policy.max_healthy) if policy else default_bounds
    lowest = _number(values, "MinHealthyPercentage", bounds[0], 0, 100)
    highest = bounds[1]
    if highest is not None or "MaxHealthyPercentage" in values:
        highest = _number(values, "MaxHealthyPercentage", highest or 0, 100, 200)
    if highest is not None and highest - lowest > 100:
        raise AwsError("ValidationError", "MaxHealthyPercentage may exceed MinHealthyPercentage by at most 100.")
    percentages = tuple(int(item) for item in values.get("CheckpointPercentages") or ())
    if list(percentages) != sorted(set(percentages)) or (
        percentages and not 1 <= percentages[0] <= percentages[-1] == 100
    ):
        raise AwsError("ValidationError", "CheckpointPercentages must ascend from 1 or more, and the last must be 100.")
    if "CheckpointDelay" in values and not percentages:
        raise AwsError("ValidationError", "CheckpointDelay needs CheckpointPercentages beside it.")
    alarms = tuple(str(alarm) for alarm in (values.get("AlarmSpecification") or {}).get("Alarms") or () if alarm)
    if len(alarms) > MOST_ALARMS:
        raise AwsError("ValidationError", f"AlarmSpecification may name up to {MOST_ALARMS} alarms, not {len(alarms)}")
    return Preferences(
        lowest,
        highest,
        _number(values, "InstanceWarmup", -1, -1, 2_147_483_647) if values.get("InstanceWarmup", -1) != -1 else None,
        requests.flag(values.get("SkipMatching", skip_matching)),
        percentages,
        _number(values, "CheckpointDelay", 3600, 0, 172_800),
        _number(values, "BakeTime", 0, 0, 172_800),
        alarms,
        requests.flag(values.get("AutoRollback", False)),
        cast(Protected, protected),
    )


def _number(values: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    try:
        number = int(values.get(name, default))
    except (TypeError, ValueError):
        raise AwsError("ValidationError", f"{name} must be a whole number, not {values[name]!r}") from None
    if not least <= number <= most:
        raise AwsError("ValidationError", f"{name} must be from {least} to {most}, not {number}")
    return number


def _choice(values: Mapping[str, Any], name: str, choices: tuple[str, ...], default: str = "Wait") -> str:
    chosen = str(values.get(name, default))
    if chosen not in choices:
        raise AwsError("ValidationError", f"{name} must be one of {', '.join(choices)}, not {chosen}")
    return chosen


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
        "InstancesToUpdate": refresh.to_update,
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
            "ScaleInProtectedInstances": asked.protected,
        },
        "RollbackDetails": refresh.rollback
        and {
            "RollbackReason": refresh.rollback.reason,
            "RollbackStartTime": refresh.rollback.started,
            "PercentageCompleteOnRollback": refresh.rollback.percentage,
            "InstancesToUpdateOnRollback": refresh.rollback.to_update,
        },
    }
