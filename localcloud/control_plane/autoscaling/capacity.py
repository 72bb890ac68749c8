"""How many instances, where, and which go first.

Sources (EC2 Auto Scaling user guide): "Instance maintenance policies" (what is replaced before or after its
replacement), "Configure termination policies" (which goes first), "Auto Scaling group Availability Zone
distribution" (where).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

from localcloud.control_plane.autoscaling import activities, lifecycle
from localcloud.control_plane.autoscaling.model import (
    HEALTHY,
    UNHEALTHY,
    Group,
    Lifecycle,
    Member,
    World,
    resolve_template,
)
from localcloud.desired import LaunchRefused

RELAUNCH_DELAY = 15
"""Seconds between two launches that EC2 refuses. Ours: AWS retries too, and does not say how often."""

TERMINATION_POLICIES = ("Default", "OldestInstance", "NewestInstance", "OldestLaunchTemplate")


def reconcile(world: World, group: Group, now: float) -> None:
    """Replaces the unhealthy, then brings the number of healthy instances to the desired capacity."""
    _retire_unhealthy(world, group, now)
    healthy = [member for member in group.live() if member.health == HEALTHY]
    missing = group.desired - len(healthy)
    if missing > 0:
        _launch(world, group, missing, now)
    elif missing < 0:
        _scale_in(world, group, healthy, -missing, now)


def ready(world: World, group: Group, member: Member, now: float) -> bool:
    """In service, healthy and warmed up: what counts against a minimum healthy percentage."""
    return (
        member.lifecycle is Lifecycle.IN_SERVICE
        and member.health == HEALTHY
        and member.in_service_at is not None
        and now >= member.in_service_at + world.scaled(group.warmup or 0)
    )


def _retire_unhealthy(world: World, group: Group, now: float) -> None:
    if "ReplaceUnhealthy" in group.suspended or "Terminate" in group.suspended:
        return
    unhealthy = [member for member in group.live() if member.health == UNHEALTHY]
    # What does not run serves nobody: it makes no sense to keep it until its replacement is ready.
    useless = [m for m in unhealthy if m.lost or m.lifecycle is not Lifecycle.IN_SERVICE]
    serving = [m for m in unhealthy if m not in useless]
    keep = 0
    if group.maintenance is not None and group.desired:
        minimum = math.ceil(group.desired * group.maintenance.min_healthy / 100)
        keep = max(0, minimum - sum(ready(world, group, member, now) for member in group.live()))
    for member in useless + serving[: max(0, len(serving) - keep)]:
        cause = f"an instance was taken out of service {member.unhealthy_cause}"
        lifecycle.begin_termination(world, group, member, now, cause)


def _launch(world: World, group: Group, count: int, now: float) -> None:
    if group.deleting or "Launch" in group.suspended or now < group.launch_not_before:
        return
    for _ in range(count):
        before = len([m for m in group.live() if m.health == HEALTHY])
        if any(m.health == UNHEALTHY or m.unhealthy_cause for m in group.members.values()):
            why = "an instance was launched in response to an unhealthy instance needing to be replaced."
        else:
            why = (
                "an instance was started in response to a difference between desired and actual capacity, "
                f"increasing the capacity from {before} to {before + 1}."
            )
        if not _launch_one(world, group, activities.sentences(now, group.desired_cause, why), now):
            group.launch_not_before = now + world.scaled(RELAUNCH_DELAY)
            return
    group.desired_cause = ""


def _launch_one(world: World, group: Group, cause: str, now: float) -> bool:
    subnet = _emptiest_subnet(group)
    placement = {"Subnet ID": subnet, "Availability Zone": group.zones.get(subnet, "")}
    resolved = resolve_template(world, group, group.template)
    try:
        if resolved is None:
            raise LaunchRefused(
                f"You must use a valid fully-formed launch template. {group.template.template_id or group.template.name} "
                f"version {group.template.version} does not exist"
            )
        template, data = resolved
        tags = {tag.key: tag.value for tag in group.tags if tag.propagate}
        tags["aws:autoscaling:groupName"] = group.name
        tags["aws:ec2launchtemplate:id"] = template.template_id
        tags["aws:ec2launchtemplate:version"] = template.version
        instance_id = world.instances.launch_instance(data, subnet, tags, group.account, group.region)
    except LaunchRefused as refusal:
        failed = activities.record(group, now, "Launching a new EC2 instance", cause, "InProgress", placement)
        activities.finish(failed, now, "Failed", f"{refusal}. Launching EC2 instance failed.")
        return False
    launch = activities.record(
        group, now, f"Launching a new EC2 instance: {instance_id}", cause, "PreInService", placement
    )
    launch.progress = 30
    member = Member(
        instance_id,
        subnet,
        group.zones.get(subnet, ""),
        str(data.get("InstanceType", "")),
        str(data.get("ImageId", "")),
        template,
        now,
        launch,
        protected=group.protect_new,
    )
    group.members[instance_id] = member
    lifecycle.launched(world, group, member, now)
    return True


def _emptiest_subnet(group: Group) -> str:
    """The zone with the fewest instances, then the emptiest subnet in it; the order given breaks ties."""
    live = group.live()
    zones = Counter(member.zone for member in live)
    subnets = Counter(member.subnet_id for member in live)
    return min(group.subnets, key=lambda subnet: (zones[group.zones.get(subnet, "")], subnets[subnet]))


def _scale_in(world: World, group: Group, healthy: Sequence[Member], count: int, now: float) -> None:
    if "Terminate" in group.suspended and not group.deleting:
        return
    candidates = [member for member in healthy if group.deleting or not member.protected]
    size = len(healthy)
    for member in victims(group, candidates, count):
        cause = activities.sentences(
            now,
            group.desired_cause,
            "an instance was taken out of service in response to a difference between desired and actual "
            f"capacity, shrinking the capacity from {size} to {size - 1}.",
            f"instance {member.instance_id} was selected for termination.",
        )
        size -= 1
        lifecycle.begin_termination(world, group, member, now, cause)
    group.desired_cause = ""


def victims(group: Group, candidates: Sequence[Member], count: int) -> list[Member]:
    """Which instances scale-in takes, in order. The zones stay balanced; then the group's policies decide."""
    left = list(candidates)
    chosen: list[Member] = []
    while left and len(chosen) < count:
        per_zone = Counter(member.zone for member in left)
        fullest = max(per_zone.values())
        pool = [member for member in left if per_zone[member.zone] == fullest]
        keys: list[Callable[[Member], tuple[float, ...]]] = [_POLICY_KEYS[p] for p in group.termination_policies]
        victim = min(pool, key=lambda m: tuple(part for key in keys for part in key(m)))
        left.remove(victim)
        chosen.append(victim)
    return chosen


def _version(member: Member) -> tuple[float, ...]:
    return (int(member.template.version),)


_POLICY_KEYS: dict[str, Callable[[Member], tuple[float, ...]]] = {
    # "Default" prefers what is not yet in service over what serves, then the oldest launch template version,
    # then the one closest to its next billing hour; billing is by the second, so the oldest instance it is.
    "Default": lambda m: (m.lifecycle is Lifecycle.IN_SERVICE, *_version(m), m.launched_at),
    "OldestInstance": lambda m: (m.launched_at,),
    "NewestInstance": lambda m: (-m.launched_at,),
    "OldestLaunchTemplate": _version,
}
