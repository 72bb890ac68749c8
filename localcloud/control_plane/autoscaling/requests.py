"""Parameters of API requests → records of the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.control_plane.autoscaling.model import Group, Hook, LaunchTemplateRef, MaintenancePolicy, Tag
from localcloud.control_plane.autoscaling.settings import GroupSettings
from localcloud.wire import AwsError

SUPPORTED = {
    "AutoScalingGroupName",
    "AvailabilityZones",
    "DefaultCooldown",
    "DefaultInstanceWarmup",
    "DesiredCapacity",
    "HealthCheckGracePeriod",
    "HealthCheckType",
    "InstanceMaintenancePolicy",
    "LaunchTemplate",
    "LifecycleHookSpecificationList",
    "MaxSize",
    "MinSize",
    "NewInstancesProtectedFromScaleIn",
    "Tags",
    "TargetGroupARNs",
    "TerminationPolicies",
    "VPCZoneIdentifier",
}

PROCESSES = ("AddToLoadBalancer", "AlarmNotification", "HealthCheck", "Launch", "ReplaceUnhealthy", "Terminate")


def refuse_unsupported(operation: str, values: Mapping[str, Any]) -> None:
    unsupported = sorted(set(values) - SUPPORTED)
    if unsupported:
        raise AwsError("ValidationError", f"localcloud does not support {', '.join(unsupported)} of {operation} yet")


def settings(values: Mapping[str, Any]) -> GroupSettings:
    """Of CreateAutoScalingGroup and UpdateAutoScalingGroup alike."""
    result = GroupSettings(
        min_size=values.get("MinSize"),
        max_size=values.get("MaxSize"),
        desired=values.get("DesiredCapacity"),
        zones=values.get("AvailabilityZones"),
        grace_period=values.get("HealthCheckGracePeriod"),
        warmup=values.get("DefaultInstanceWarmup"),
        cooldown=values.get("DefaultCooldown"),
        target_groups=values.get("TargetGroupARNs"),
        termination_policies=values.get("TerminationPolicies"),
        protect_new=values.get("NewInstancesProtectedFromScaleIn"),
    )
    if "LaunchTemplate" in values:
        result.template = launch_template(values["LaunchTemplate"])
    if "VPCZoneIdentifier" in values:
        result.subnets = [subnet.strip() for subnet in values["VPCZoneIdentifier"].split(",") if subnet.strip()]
    if "HealthCheckType" in values:
        result.health_check_types = [kind.strip() for kind in values["HealthCheckType"].split(",")]
    if "InstanceMaintenancePolicy" in values:
        policy = values["InstanceMaintenancePolicy"]
        low, high = policy.get("MinHealthyPercentage", -1), policy.get("MaxHealthyPercentage", -1)
        # -1 clears a policy that was set (InstanceMaintenancePolicy, API reference).
        result.clear_maintenance = low == high == -1
        if not result.clear_maintenance:
            result.maintenance = MaintenancePolicy(low, high)
    if "LifecycleHookSpecificationList" in values:
        result.hooks = [hook(item, None) for item in values["LifecycleHookSpecificationList"]]
    if "Tags" in values:
        result.tags = [
            Tag(item["Key"], item.get("Value", ""), item.get("PropagateAtLaunch", False)) for item in values["Tags"]
        ]
    return result


def flag(value: Any) -> bool:
    """A flag as the API has it, or as text, which is what a template's parameters are."""
    return str(value).lower() == "true"


def launch_template(values: Mapping[str, Any]) -> LaunchTemplateRef:
    template_id, name = values.get("LaunchTemplateId", ""), values.get("LaunchTemplateName", "")
    if bool(template_id) == bool(name):
        raise AwsError(
            "ValidationError",
            "Valid requests must contain either launchTemplateId or LaunchTemplateName, and not both",
        )
    return LaunchTemplateRef(template_id, name, str(values.get("Version") or "$Default"))


def hook(values: Mapping[str, Any], previous: Hook | None) -> Hook:
    """Of PutLifecycleHook and LifecycleHookSpecification; what is not given stays as it was or takes its default."""
    unsupported = [name for name in ("NotificationTargetARN", "RoleARN") if values.get(name)]
    if unsupported:
        names = ", ".join(unsupported)
        raise AwsError("ValidationError", f"localcloud does not support {names} of lifecycle hooks yet")
    name = values["LifecycleHookName"]
    base = previous or Hook(name, values.get("LifecycleTransition", ""))
    return Hook(
        name,
        values.get("LifecycleTransition") or base.transition,
        values.get("HeartbeatTimeout") or base.heartbeat_timeout,
        values.get("DefaultResult") or base.default_result,
        values.get("NotificationMetadata") or base.notification_metadata,
    )


def action(values: Mapping[str, Any]) -> tuple[str, str | None, str | None]:
    """(hook, instance, token) of a lifecycle action."""
    instance, token = values.get("InstanceId"), values.get("LifecycleActionToken")
    if not instance and not token:
        raise AwsError("ValidationError", "InstanceId or LifecycleActionToken is required")
    return values["LifecycleHookName"], instance, token


def processes(values: Mapping[str, Any]) -> list[str]:
    named = values.get("ScalingProcesses") or list(PROCESSES)
    for process in named:
        if process not in PROCESSES:
            raise AwsError(
                "ValidationError",
                f"localcloud does not support suspending {process}; it knows {', '.join(PROCESSES)}",
            )
    return list(named)


def matches_filter(group: Group, item: Mapping[str, Any]) -> bool:
    """tag-key, tag-value or tag:<key>, as DescribeAutoScalingGroups has them."""
    name, values = item["Name"], item.get("Values") or []
    if name == "tag-key":
        return any(tag.key in values for tag in group.tags)
    if name == "tag-value":
        return any(tag.value in values for tag in group.tags)
    if name.startswith("tag:"):
        return any(tag.key == name[4:] and tag.value in values for tag in group.tags)
    raise AwsError("ValidationError", f"Filter type {name} is not correct. Allowed: tag-key, tag-value, tag:<key>")
