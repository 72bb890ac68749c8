"""Records of the service in the words of its API."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from localcloud.control_plane.autoscaling.metrics import GRANULARITY
from localcloud.control_plane.autoscaling.model import Activity, Group, Hook, LaunchTemplateRef, Member, Tag


def template(ref: LaunchTemplateRef) -> dict[str, Any]:
    return {"LaunchTemplateId": ref.template_id, "LaunchTemplateName": ref.name, "Version": ref.version}


def instance(member: Member) -> dict[str, Any]:
    return {
        "InstanceId": member.instance_id,
        "InstanceType": member.instance_type,
        "AvailabilityZone": member.zone,
        "LifecycleState": str(member.lifecycle),
        "HealthStatus": member.health,
        "LaunchTemplate": template(member.template),
        "ImageId": member.image_id,
        "ProtectedFromScaleIn": member.protected,
    }


def managed_instance(group: Group, member: Member) -> dict[str, Any]:
    """DescribeAutoScalingInstances alone writes the health in capitals."""
    return {
        **instance(member),
        "AutoScalingGroupName": group.name,
        "HealthStatus": member.health.upper(),
    }


def tag(group: Group, item: Tag) -> dict[str, Any]:
    return {
        "ResourceId": group.name,
        "ResourceType": "auto-scaling-group",
        "Key": item.key,
        "Value": item.value,
        "PropagateAtLaunch": item.propagate,
    }


def group(record: Group) -> dict[str, Any]:
    policy = record.maintenance
    return {
        "AutoScalingGroupName": record.name,
        "AutoScalingGroupARN": record.arn,
        "LaunchTemplate": template(record.template),
        "MinSize": record.min_size,
        "MaxSize": record.max_size,
        "DesiredCapacity": record.desired,
        "DefaultCooldown": record.cooldown,
        "AvailabilityZones": sorted(set(record.zones.values())),
        "LoadBalancerNames": [],
        "TargetGroupARNs": record.target_groups,
        "HealthCheckType": ",".join(record.health_check_types),
        "HealthCheckGracePeriod": record.grace_period,
        "Instances": [instance(member) for member in record.members.values()],
        "CreatedTime": record.created,
        "SuspendedProcesses": [
            {"ProcessName": name, "SuspensionReason": reason} for name, reason in sorted(record.suspended.items())
        ],
        "VPCZoneIdentifier": ",".join(record.subnets),
        "EnabledMetrics": [{"Metric": name, "Granularity": GRANULARITY} for name in record.metrics],
        "Status": "Delete in progress" if record.deleting else None,
        "Tags": [tag(record, item) for item in record.tags],
        "TerminationPolicies": record.termination_policies,
        "NewInstancesProtectedFromScaleIn": record.protect_new,
        "DefaultInstanceWarmup": record.warmup,
        "TrafficSources": [{"Identifier": arn, "Type": "elbv2"} for arn in record.target_groups],
        "InstanceMaintenancePolicy": policy
        and {"MinHealthyPercentage": policy.min_healthy, "MaxHealthyPercentage": policy.max_healthy},
    }


def activity(group_name: str, item: Activity) -> dict[str, Any]:
    return {
        "ActivityId": item.activity_id,
        "AutoScalingGroupName": group_name,
        "Description": item.description,
        "Cause": item.cause,
        "StartTime": item.started,
        "EndTime": item.ended,
        "StatusCode": item.status,
        "StatusMessage": item.message or None,
        "Progress": item.progress,
        "Details": json.dumps(dict(item.details)),
    }


def hook(group_name: str, item: Hook) -> dict[str, Any]:
    return {
        "LifecycleHookName": item.name,
        "AutoScalingGroupName": group_name,
        "LifecycleTransition": item.transition,
        "NotificationMetadata": item.notification_metadata,
        "HeartbeatTimeout": item.heartbeat_timeout,
        "GlobalTimeout": item.global_timeout,
        "DefaultResult": item.default_result,
    }


def page(name: str, items: Sequence[dict[str, Any]], values: dict[str, Any], most: int = 100) -> dict[str, Any]:
    """One page of a list; the token is the index where the next page starts."""
    start = int(values.get("NextToken") or 0)
    end = start + min(values.get("MaxRecords") or most, most)
    result: dict[str, Any] = {name: list(items[start:end])}
    if end < len(items):
        result["NextToken"] = str(end)
    return result
