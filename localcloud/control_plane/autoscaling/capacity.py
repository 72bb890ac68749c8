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
    Step,
    resolve_template,
)
from localcloud.desired import LaunchRefused

TERMINATION_POLICIES = ("Default", "OldestInstance", "NewestInstance", "OldestLaunchTemplate")


def reconcile(step: Step) -> None:
    """Replaces the unhealthy, then brings the number of healthy instances to the desired capacity."""
    _retire_unhealthy(step)
    healthy = [member for member in step.group.live() if member.health == HEALTHY]
    refresh = step.group.refresh
    # While instances are refreshed the new ones come before the old ones go.
    missing = step.group.desired + (refresh.surplus if refresh else 0) - len(healthy)
    if missing > 0:
        _launch(step, missing)
    elif missing < 0:
        _scale_in(step, healthy, -missing)


def ready(step: Step, member: Member) -> bool:
    """In service, healthy and warmed up: what counts against a minimum healthy percentage."""
    return (
        member.lifecycle is Lifecycle.IN_SERVICE
        and member.health == HEALTHY
        and member.in_service_at is not None
        and step.has_passed(step.group.warmup or 0, member.in_service_at)
    )


def _retire_unhealthy(step: Step) -> None:
    if {"ReplaceUnhealthy", "Terminate"} & step.group.suspended.keys() and not step.group.deleting:
        return
    unhealthy = [member for member in step.group.live() if member.health == UNHEALTHY]
    # What does not run serves nobody: it makes no sense to keep it until its replacement is ready.
    useless = [m for m in unhealthy if m.lost or m.lifecycle is not Lifecycle.IN_SERVICE]
    serving = [m for m in unhealthy if m not in useless]
    keep = 0
    # The maximum needs no look: unhealthy instances do not count against it, and replacements only fill their places.
    if step.group.maintenance is not None and step.group.desired:
        minimum = math.ceil(step.group.desired * step.group.maintenance.min_healthy / 100)
        keep = max(0, minimum - sum(ready(step, member) for member in step.group.live()))
    for member in useless + serving[: max(0, len(serving) - keep)]:
        cause = f"an instance was taken out of service {member.unhealthy_cause}"
        lifecycle.begin_termination(step, member, cause)


def _launch(step: Step, count: int) -> None:
    if step.group.deleting or "Launch" in step.group.suspended or step.now < step.group.launch_not_before:
        return
    for _ in range(count):
        before = len([m for m in step.group.live() if m.health == HEALTHY])
        if any(m.health == UNHEALTHY or m.unhealthy_cause for m in step.group.members.values()):
            why = "an instance was launched in response to an unhealthy instance needing to be replaced."
        else:
            why = (
                "an instance was started in response to a difference between desired and actual capacity, "
                f"increasing the capacity from {before} to {before + 1}."
            )
        if not _launch_one(step, activities.sentences(step.now, step.group.desired_cause, why)):
            step.group.launch_not_before = step.after(lifecycle.RELAUNCH_DELAY)
            return
    step.group.desired_cause = ""


def _launch_one(step: Step, cause: str) -> bool:
    subnet = _emptiest_subnet(step.group)
    placement = (subnet, step.group.zones.get(subnet, ""))
    wanted = step.group.launching_from
    resolved = resolve_template(step.world, step.group, wanted)
    try:
        if resolved is None:
            raise LaunchRefused(
                "You must use a valid fully-formed launch template. "
                f"{wanted.name or wanted.template_id} version {wanted.version} does not exist"
            )
        template, data = resolved
        tags = {tag.key: tag.value for tag in step.group.tags if tag.propagate}
        tags["aws:autoscaling:groupName"] = step.group.name
        tags["aws:ec2launchtemplate:id"] = template.template_id
        tags["aws:ec2launchtemplate:version"] = template.version
        instance_id = step.world.instances.launch_instance(data, subnet, tags, step.group.account, step.group.region)
    except LaunchRefused as refusal:
        failed = activities.record(step, "Launching a new EC2 instance", cause, placement)
        activities.finish(failed, step.now, "Failed", f"{refusal}. Launching EC2 instance failed.")
        return False
    launch = activities.record(step, f"Launching a new EC2 instance: {instance_id}", cause, placement)
    activities.progress(launch, "PreInService", 30)
    member = Member(
        instance_id,
        subnet,
        step.group.zones.get(subnet, ""),
        str(data.get("InstanceType", "")),
        str(data.get("ImageId", "")),
        template,
        step.now,
        launch,
        protected=step.group.protect_new,
    )
    step.group.members[instance_id] = member
    lifecycle.launched(step, member)
    return True


def _emptiest_subnet(group: Group) -> str:
    """The zone with the fewest instances, then the emptiest subnet in it; the order given breaks ties."""
    live = group.live()
    zones = Counter(member.zone for member in live)
    subnets = Counter(member.subnet_id for member in live)
    return min(group.subnets, key=lambda subnet: (zones[group.zones.get(subnet, "")], subnets[subnet]))


def _scale_in(step: Step, healthy: Sequence[Member], count: int) -> None:
    if "Terminate" in step.group.suspended and not step.group.deleting:
        return
    candidates = [member for member in healthy if step.group.deleting or not member.protected]
    size = len(healthy)
    old = [member for member in candidates if step.group.refresh and member.instance_id in step.group.refresh.old]
    first = victims(step.group, old, count)
    rest = [member for member in candidates if member not in old]
    for member in first + victims(step.group, rest, count - len(first)):
        cause = activities.sentences(
            step.now,
            step.group.desired_cause,
            "an instance was taken out of service in response to a difference between desired and actual "
            f"capacity, shrinking the capacity from {size} to {size - 1}.",
            f"instance {member.instance_id} was selected for termination.",
        )
        size -= 1
        lifecycle.begin_termination(step, member, cause)
    step.group.desired_cause = ""


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
