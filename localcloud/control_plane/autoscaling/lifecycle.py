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
    Lifecycle,
    Member,
    Step,
    Wait,
)

RELAUNCH_DELAY = 15
"""Seconds from a launch that failed to the next one. Ours: AWS tries again too, and does not say how soon. Without
it, a boot script that fails at once would keep the machine busy with booting."""

ABANDONED = (
    "Instance failed to complete user's Lifecycle Action: Lifecycle Action with token {token} was abandoned: {how}"
)


def begin_waits(step: Step, member: Member, transition: str) -> bool:
    """Opens a lifecycle action for every hook of the transition; False when there is none."""
    for hook in step.group.hooks_for(transition):
        member.waits.append(
            Wait(
                hook.name,
                str(uuid.uuid4()),
                hook.heartbeat_timeout,
                hook.default_result,
                deadline=step.after(hook.heartbeat_timeout),
                latest=step.after(hook.global_timeout),
            )
        )
    return bool(member.waits)


def launched(step: Step, member: Member) -> None:
    """The instance record exists: into the wait state at once, so that no user data can be faster than it."""
    if begin_waits(step, member, LAUNCHING):
        member.lifecycle = Lifecycle.PENDING_WAIT
        activities.progress(member.launch, "MidLifecycleAction", 40)


def end_wait(step: Step, member: Member, wait: Wait, result: str, how: str) -> None:
    """One lifecycle action is over. ABANDON on launch terminates; on termination it skips the other hooks."""
    member.waits.remove(wait)
    if member.lifecycle is Lifecycle.PENDING_WAIT:
        if result == "ABANDON":
            message = ABANDONED.format(token=wait.token, how=how)
            activities.finish(member.launch, step.now, "Cancelled", message)
            step.group.launch_not_before = step.after(RELAUNCH_DELAY)
            begin_termination(
                step,
                member,
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


def expire_waits(step: Step, member: Member) -> None:
    """A lifecycle action that nobody completed in time ends with its hook's default result."""
    for wait in list(member.waits):
        if wait in member.waits and step.now >= wait.deadline:
            end_wait(step, member, wait, wait.default_result, "Heartbeat Timeout")


def heartbeat(step: Step, wait: Wait) -> None:
    wait.deadline = min(step.after(wait.heartbeat_timeout), wait.latest)


def advance_launch(step: Step, member: Member) -> None:
    """Pending or Pending:Proceed → InService, when EC2 runs it; registered with the target groups before."""
    if member.lifecycle not in (Lifecycle.PENDING, Lifecycle.PENDING_PROCEED):
        return
    if step.world.instances.instance_state(member.instance_id) != "running":
        return
    if "AddToLoadBalancer" not in step.group.suspended:
        for target_group in step.target_groups():
            step.world.targets.register_target(target_group, member.instance_id)
    member.lifecycle = Lifecycle.IN_SERVICE
    member.in_service_at = step.now
    activities.finish(member.launch, step.now)


def begin_termination(step: Step, member: Member, cause: str) -> None:
    """Takes the instance out: deregistered at once, so that no new request is sent to it."""
    activities.finish(member.launch, step.now, "Cancelled", "The instance was terminated before it was in service")
    member.waits.clear()
    member.lifecycle = Lifecycle.TERMINATING
    member.termination = activities.record(
        step,
        f"Terminating EC2 instance: {member.instance_id}",
        activities.sentences(step.now, cause),
        (member.subnet_id, member.zone),
    )
    for target_group in step.target_groups():
        step.world.targets.deregister_target(target_group, member.instance_id)
    advance_termination(step, member)


def advance_termination(step: Step, member: Member) -> bool:
    """Drain, hooks, terminate, gone. True when the instance is gone and the member can be forgotten."""
    if member.live:
        return False
    if step.world.instances.instance_state(member.instance_id) == "terminated":
        activities.finish(member.termination, step.now)
        return True
    if member.lifecycle is Lifecycle.TERMINATING:
        orderly = not member.lost and not step.group.forced
        if orderly and _draining(step, member):
            activities.progress(member.termination, "WaitingForELBConnectionDraining", 30)
            return False
        if orderly and not member.hooks_passed and begin_waits(step, member, TERMINATING):
            member.lifecycle = Lifecycle.TERMINATING_WAIT
            activities.progress(member.termination, "MidLifecycleAction", 60)
            return False
        member.lifecycle = Lifecycle.TERMINATING_PROCEED
    if member.lifecycle is Lifecycle.TERMINATING_PROCEED:
        step.world.instances.terminate_instance(member.instance_id)
        activities.progress(member.termination, "InProgress", 80)
    return False


def _draining(step: Step, member: Member) -> bool:
    """Some target group of the group still holds it."""
    return any(
        step.world.targets.target_state(target_group, member.instance_id) is not None
        for target_group in step.target_groups()
    )
