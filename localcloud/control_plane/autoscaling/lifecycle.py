"""One instance's way through the lifecycle states.

Source: "Amazon EC2 Auto Scaling instance lifecycle" and "How lifecycle hooks work in Auto Scaling groups"
(EC2 Auto Scaling user guide): registered with the load balancer after its launch hooks and before InService;
on the way out deregistered and drained first, then the termination hooks, then terminated.
"""

from __future__ import annotations

import uuid

from localcloud.control_plane.autoscaling import activities
from localcloud.control_plane.autoscaling.model import (
    LAUNCHING,
    TERMINATING,
    Group,
    Lifecycle,
    Member,
    Wait,
    World,
)

ABANDONED = "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token {token} was abandoned: {how}"


def begin_waits(world: World, group: Group, member: Member, transition: str, now: float) -> bool:
    """Opens a lifecycle action for every hook of the transition; False when there is none."""
    for hook in group.hooks_for(transition):
        member.waits.append(
            Wait(
                hook.name,
                str(uuid.uuid4()),
                hook.heartbeat_timeout,
                hook.default_result,
                deadline=now + world.scaled(hook.heartbeat_timeout),
                latest=now + world.scaled(hook.global_timeout),
            )
        )
    return bool(member.waits)


def launched(world: World, group: Group, member: Member, now: float) -> None:
    """The instance record exists: into the wait state at once, so that no user data can be faster than it."""
    if begin_waits(world, group, member, LAUNCHING, now):
        member.lifecycle = Lifecycle.PENDING_WAIT
        activities.progress(member.launch, "MidLifecycleAction", 40)


def end_wait(world: World, group: Group, member: Member, wait: Wait, result: str, how: str, now: float) -> None:
    """One lifecycle action is over. ABANDON on launch terminates; on termination it skips the other hooks."""
    member.waits.remove(wait)
    if member.lifecycle is Lifecycle.PENDING_WAIT:
        if result == "ABANDON":
            message = ABANDONED.format(token=wait.token, how=how)
            activities.finish(member.launch, now, "Cancelled", message)
            begin_termination(
                world, group, member, now,
                "an instance was taken out of service in response to a lifecycle action that was abandoned",
            )
        elif not member.waits:
            member.lifecycle = Lifecycle.PENDING_PROCEED
    elif member.lifecycle is Lifecycle.TERMINATING_WAIT:
        if result == "ABANDON":
            member.waits.clear()
        if not member.waits:
            member.hooks_passed = True
            member.lifecycle = Lifecycle.TERMINATING_PROCEED


def expire_waits(world: World, group: Group, member: Member, now: float) -> None:
    """"If the timeout expires before you complete the action, the default result is carried out"."""
    for wait in list(member.waits):
        if wait in member.waits and now >= wait.deadline:
            end_wait(world, group, member, wait, wait.default_result, "Heartbeat Timeout", now)


def heartbeat(world: World, wait: Wait, now: float) -> None:
    wait.deadline = min(now + world.scaled(wait.heartbeat_timeout), wait.latest)


def advance_launch(world: World, group: Group, member: Member, now: float) -> None:
    """Pending or Pending:Proceed → InService, when EC2 runs it; registered with the target groups before."""
    if member.lifecycle not in (Lifecycle.PENDING, Lifecycle.PENDING_PROCEED):
        return
    if world.instances.instance_state(member.instance_id) != "running":
        return
    if "AddToLoadBalancer" not in group.suspended:
        for target_group in group.target_groups:
            world.targets.register_target(target_group, member.instance_id)
    member.lifecycle = Lifecycle.IN_SERVICE
    member.in_service_at = now
    activities.finish(member.launch, now)


def begin_termination(world: World, group: Group, member: Member, now: float, cause: str) -> None:
    """Takes the instance out: deregistered at once, so that no new request is sent to it."""
    activities.finish(member.launch, now, "Cancelled", "The instance was terminated before it was in service")
    member.waits.clear()
    member.lifecycle = Lifecycle.TERMINATING
    member.termination = activities.record(
        group, now,
        f"Terminating EC2 instance: {member.instance_id}",
        activities.sentences(now, cause),
        "InProgress",
        activities.placement(member),
    )
    for target_group in group.target_groups:
        world.targets.deregister_target(target_group, member.instance_id)
    advance_termination(world, group, member, now)


def advance_termination(world: World, group: Group, member: Member, now: float) -> bool:
    """Drain, hooks, terminate, gone. True when the instance is gone and the member can be forgotten."""
    if member.lifecycle is Lifecycle.TERMINATING:
        if not member.lost and not group.forced and _draining(world, group, member):
            activities.progress(member.termination, "WaitingForELBConnectionDraining", 30)
            return False
        if not member.lost and not group.forced and not member.hooks_passed and begin_waits(
            world, group, member, TERMINATING, now
        ):
            member.lifecycle = Lifecycle.TERMINATING_WAIT
            activities.progress(member.termination, "MidLifecycleAction", 60)
            return False
        member.lifecycle = Lifecycle.TERMINATING_PROCEED
    if member.lifecycle is Lifecycle.TERMINATING_PROCEED:
        world.instances.terminate_instance(member.instance_id)
        activities.progress(member.termination, "InProgress", 80)
        if world.instances.instance_state(member.instance_id) == "terminated":
            activities.finish(member.termination, now)
            return True
    return False


def _draining(world: World, group: Group, member: Member) -> bool:
    """Some target group still holds it. Group forgets detached target groups, so they cannot hold it up."""
    return any(
        world.targets.target_state(target_group, member.instance_id) is not None
        for target_group in group.target_groups
        if world.targets.target_group_exists(target_group)
    )
