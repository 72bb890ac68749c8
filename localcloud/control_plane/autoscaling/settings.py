"""What a caller says about a group, checked and put into the group: shared by create and update, API and stacks."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.control_plane.autoscaling.capacity import TERMINATION_POLICIES
from localcloud.control_plane.autoscaling.model import (
    LAUNCHING,
    TERMINATING,
    Group,
    Hook,
    LaunchTemplateRef,
    MaintenancePolicy,
    Tag,
    World,
    resolve_template,
)
from localcloud.wire import AwsError

HEALTH_CHECK_TYPES = ("EC2", "ELB")

NO_WARMUP = -1
"""DefaultInstanceWarmup that "will turn this setting off" ("Set the default instance warmup", user guide)."""


@dataclass
class GroupSettings:
    """None: not named by the caller, so left as it is (update) or at its default (create)."""

    min_size: int | None = None
    max_size: int | None = None
    desired: int | None = None
    template: LaunchTemplateRef | None = None
    subnets: Sequence[str] | None = None
    zones: Sequence[str] | None = None
    health_check_types: Sequence[str] | None = None
    grace_period: int | None = None
    warmup: int | None = None
    cooldown: int | None = None
    target_groups: Sequence[str] | None = None
    termination_policies: Sequence[str] | None = None
    maintenance: MaintenancePolicy | None = None
    clear_maintenance: bool = False
    protect_new: bool | None = None
    tags: Sequence[Tag] | None = None
    hooks: Sequence[Hook] | None = None
    metrics: Sequence[str] | None = None


def build(world: World, scope: tuple[str, str], name: str, now: float, settings: GroupSettings) -> Group:
    """A new group. Raises `AwsError` for what CreateAutoScalingGroup refuses."""
    if settings.template is None:
        raise AwsError(
            "ValidationError",
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or "
            "MixedInstancesPolicy parameter.",
        )
    if not settings.subnets:
        raise AwsError(
            "ValidationError",
            "localcloud does not support a group without VPCZoneIdentifier; on AWS this would use default subnets",
        )
    if settings.min_size is None or settings.max_size is None:
        raise AwsError("ValidationError", "MinSize and MaxSize are required")
    account, region = scope
    arn = f"arn:aws:autoscaling:{region}:{account}:autoScalingGroup:{uuid.uuid4()}:autoScalingGroupName/{name}"
    group = Group(name, arn, account, region, now, settings.template, 0, 0, 0, [])
    group.desired = settings.min_size if settings.desired is None else settings.desired
    apply(world, group, settings)
    return group


def apply(world: World, group: Group, settings: GroupSettings) -> None:
    """Checks everything first, so that a refused update changes nothing."""
    minimum = group.min_size if settings.min_size is None else settings.min_size
    maximum = group.max_size if settings.max_size is None else settings.max_size
    desired = _desired(group, settings, minimum, maximum)
    template = group.template
    if settings.template is not None:
        template = existing_template(world, group, settings.template)
    zones = group.zones
    if settings.subnets is not None:
        zones = _zones(world, group, settings)
    _check_choices("HealthCheckType", settings.health_check_types, HEALTH_CHECK_TYPES)
    _check_choices("TerminationPolicies", settings.termination_policies, TERMINATION_POLICIES)
    for arn in settings.target_groups or ():
        if not world.targets.target_group_exists(arn):
            raise AwsError("ValidationError", f"Target group not found: {arn}")
    if settings.maintenance is not None:
        _check_maintenance(settings.maintenance)

    group.min_size, group.max_size, group.desired = minimum, maximum, desired
    group.template = template
    group.subnets, group.zones = list(zones), zones
    for field, value in (
        ("health_check_types", settings.health_check_types),
        ("target_groups", settings.target_groups),
        ("termination_policies", settings.termination_policies),
        ("tags", settings.tags),
        ("metrics", settings.metrics),
    ):
        if value is not None:
            setattr(group, field, list(value))
    for field, number in (
        ("grace_period", settings.grace_period),
        ("cooldown", settings.cooldown),
        ("protect_new", settings.protect_new),
    ):
        if number is not None:
            setattr(group, field, number)
    group.warmup = _warmup(group, settings)
    if settings.maintenance is not None or settings.clear_maintenance:
        group.maintenance = settings.maintenance
    if settings.hooks is not None:
        for hook in settings.hooks:
            check_hook(hook)
        group.hooks = {hook.name: hook for hook in settings.hooks}


def check_hook(hook: Hook) -> None:
    if hook.transition not in (LAUNCHING, TERMINATING):
        raise AwsError("ValidationError", f"Invalid lifecycle transition {hook.transition!r} of hook {hook.name}")
    if hook.default_result not in ("CONTINUE", "ABANDON"):
        raise AwsError("ValidationError", f"DefaultResult of hook {hook.name} must be CONTINUE or ABANDON")
    if not 30 <= hook.heartbeat_timeout <= 7200:
        raise AwsError(
            "ValidationError",
            f"HeartbeatTimeout of hook {hook.name} must be from 30 to 7200 seconds (PutLifecycleHook)",
        )


def _warmup(group: Group, settings: GroupSettings) -> int | None:
    if settings.warmup == NO_WARMUP:
        return None
    return group.warmup if settings.warmup is None else settings.warmup


def _desired(group: Group, settings: GroupSettings, minimum: int, maximum: int) -> int:
    """Without a new one, the old desired capacity is brought between the bounds (UpdateAutoScalingGroup, API)."""
    if minimum < 0 or maximum < minimum:
        raise AwsError("ValidationError", "Max bound must be greater than or equal to Min bound")
    if settings.desired is not None and not minimum <= settings.desired <= maximum:
        raise AwsError(
            "ValidationError",
            f"Desired capacity:{settings.desired} must be between the specified min size:{minimum} "
            f"and max size:{maximum}",
        )
    return min(max(group.desired if settings.desired is None else settings.desired, minimum), maximum)


def existing_template(world: World, group: Group, given: LaunchTemplateRef) -> LaunchTemplateRef:
    """The same with id and name. Raises `AwsError` when it does not exist."""
    found = resolve_template(world, group, given)
    if found is None:
        what = given.template_id or given.name
        raise AwsError(
            "ValidationError",
            f"You must use a valid fully-formed launch template. The specified launch template {what}, version "
            f"{given.version}, does not exist.",
        )
    return dataclasses.replace(found[0], version=given.version)


def _zones(world: World, group: Group, settings: GroupSettings) -> dict[str, str]:
    zones: dict[str, str] = {}
    for subnet in settings.subnets or ():
        zone = world.instances.subnet_zone(subnet, group.account, group.region)
        if zone is None:
            raise AwsError("ValidationError", f"The subnet ID '{subnet}' does not exist")
        zones[subnet] = zone
    if any(member.subnet_id not in zones for member in group.live()):
        raise AwsError(
            "ValidationError",
            "localcloud does not support taking a subnet with instances out of a group yet; on AWS this would "
            "replace them",
        )
    for zone in settings.zones or ():
        if zone not in zones.values():
            raise AwsError("ValidationError", f"The availability zone '{zone}' has no subnet in VPCZoneIdentifier")
    return zones


def _check_choices(name: str, given: Sequence[str] | None, supported: Sequence[str]) -> None:
    for value in given or ():
        if value not in supported:
            raise AwsError(
                "ValidationError",
                f"localcloud does not support {name} {value} yet; it knows {', '.join(supported)}",
            )


def _check_maintenance(policy: MaintenancePolicy) -> None:
    """Bounds of InstanceMaintenancePolicy (API reference)."""
    if not (0 <= policy.min_healthy <= 100 <= policy.max_healthy <= 200):
        raise AwsError(
            "ValidationError", "MinHealthyPercentage must be from 0 to 100 and MaxHealthyPercentage from 100 to 200"
        )
    if policy.max_healthy - policy.min_healthy > 100:
        raise AwsError(
            "ValidationError",
            "The difference between MinHealthyPercentage and MaxHealthyPercentage must not be greater than 100",
        )
