"""The Auto Scaling groups of every account and region: moved on by `tick`, changed by the methods below.

A pure state machine: no threads, no containers, no clock that was not handed in. The API (`operations.py`) and the
stack engine's resource handlers (`control_plane.cloudformation`) are two front ends of the same methods.
Except for `tick`, which takes it, callers hold `control_plane.lock.LOCK`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from localcloud.control_plane.autoscaling import activities, capacity, health, lifecycle, refresh, target_tracking
from localcloud.control_plane.autoscaling.model import (
    HEALTHY,
    Activity,
    Group,
    LaunchTemplateRef,
    Lifecycle,
    Member,
    Step,
    Wait,
    World,
)
from localcloud.control_plane.autoscaling.refresh_model import Preferences, Refresh
from localcloud.control_plane.autoscaling.settings import GroupSettings, apply, build, existing_template
from localcloud.control_plane.lock import LOCK
from localcloud.wire import AwsError

log = logging.getLogger(__name__)

Scope = tuple[str, str]
"""(account, region)"""


class AutoScaling:
    """The service's state and its transitions."""

    def __init__(
        self,
        world: World,
        clock: Callable[[], float] = time.time,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.world = world
        self.clock = clock
        self._wake = wake
        self._groups: dict[tuple[str, str, str], Group] = {}
        self._history: dict[Scope, list[tuple[str, Activity]]] = {}

    # --- time ---------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Moves every group one step on; called by the reconciler."""
        with LOCK:
            for group in list(self._groups.values()):
                try:
                    self.step(group, now)
                except Exception:
                    # The others must not stand still because of one.
                    log.exception("group %s cannot go on", group.name)

    def step(self, group: Group, now: float) -> None:
        step = Step(self.world, group, now)
        for member in list(group.members.values()):
            lifecycle.expire_waits(step, member)
            lifecycle.advance_launch(step, member)
        health.check(step)
        refresh.advance(step)
        capacity.reconcile(step)
        for member in list(group.members.values()):
            if lifecycle.advance_termination(step, member):
                del group.members[member.instance_id]
        if group.deleting and not group.members:
            self._forget(group)

    def now(self, group: Group) -> Step:
        return Step(self.world, group, self.clock())

    def changed(self, group: Group) -> None:
        """An API call takes effect at once, as far as it can; the reconciler does the rest soon."""
        self.step(group, self.clock())
        self._wake()

    def _forget(self, group: Group) -> None:
        self._groups.pop(group.key, None)
        for policy in group.policies.values():
            # "Deleting the group also deletes … any alarm that no longer has an associated action" (API).
            target_tracking.delete_alarms(self.now(group), policy)
        history = self._history.setdefault((group.account, group.region), [])
        history[:0] = [(group.name, activity) for activity in group.activities]
        del history[activities.KEPT :]

    # --- groups -------------------------------------------------------------------------------------------

    def every_group(self) -> list[Group]:
        """Of every account and region."""
        return list(self._groups.values())

    def groups(self, scope: Scope) -> list[Group]:
        return sorted((g for key, g in self._groups.items() if key[:2] == scope), key=lambda g: g.name)

    def find(self, scope: Scope, name: str) -> Group | None:
        """By name or ARN."""
        if name.startswith("arn:"):
            name = name.rpartition("autoScalingGroupName/")[2]
        return self._groups.get((*scope, name))

    def group(self, scope: Scope, name: str) -> Group:
        found = self.find(scope, name)
        if found is None:
            raise AwsError("ValidationError", f"AutoScalingGroup name not found - AutoScalingGroup '{name}' not found")
        return found

    def create(self, scope: Scope, name: str, settings: GroupSettings) -> Group:
        if self.find(scope, name) is not None:
            raise AwsError(
                "AlreadyExists",
                f"AutoScalingGroup by this name already exists - A group with the name {name} already exists",
            )
        now = self.clock()
        group = build(self.world, scope, name, now, settings)
        group.desired_cause = activities.sentences(
            now,
            f"a user request created an AutoScalingGroup changing the desired capacity from 0 to {group.desired}.",
        )
        self._groups[group.key] = group
        self.changed(group)
        return group

    def update(self, group: Group, settings: GroupSettings) -> None:
        """Only what `settings` names. Sizes that do not hold the desired capacity move it (UpdateAutoScalingGroup)."""
        self.refuse_while_deleting(group)
        before = group.desired
        apply(self.world, group, settings)
        if group.desired != before:
            group.desired_cause = activities.sentences(
                self.clock(),
                f"a user request update of AutoScalingGroup constraints to min: {group.min_size}, "
                f"max: {group.max_size}, desired: {group.desired} changing the desired capacity from {before} "
                f"to {group.desired}.",
            )
        self.changed(group)

    def set_desired(self, group: Group, desired: int) -> None:
        self.refuse_while_deleting(group)
        if desired < group.min_size:
            raise AwsError(
                "ValidationError",
                f"New SetDesiredCapacity value {desired} is below min value {group.min_size} for the AutoScalingGroup.",
            )
        if desired > group.max_size:
            raise AwsError(
                "ValidationError",
                f"New SetDesiredCapacity value {desired} is above max value {group.max_size} for the AutoScalingGroup.",
            )
        if desired != group.desired:
            group.desired_cause = activities.sentences(
                self.clock(),
                "a user request explicitly set group desired capacity changing the desired capacity from "
                f"{group.desired} to {desired}.",
            )
        group.desired = desired
        self.changed(group)

    def delete(self, group: Group, force: bool) -> None:
        if group.members and not force:
            raise AwsError(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot instance request(s) "
                "still in the group.",
            )
        group.deleting = True
        group.forced = force
        group.min_size = group.max_size = group.desired = 0
        for member in group.live():
            lifecycle.begin_termination(
                self.now(group),
                member,
                "an instance was taken out of service in response to the deletion of its AutoScalingGroup",
            )
        for member in group.members.values():
            if force and member.lifecycle is Lifecycle.TERMINATING_WAIT:
                member.waits.clear()
                member.lifecycle = Lifecycle.TERMINATING_PROCEED
        self.changed(group)

    def shrink_to_nothing(self, group: Group) -> None:
        """What a stack does before it deletes a group: size 0, so that every instance drains first."""
        group.min_size = group.max_size = 0
        before, group.desired = group.desired, 0
        group.deleting = True
        group.desired_cause = activities.sentences(
            self.clock(),
            "a user request update of AutoScalingGroup constraints to min: 0, max: 0, desired: 0 changing the "
            f"desired capacity from {before} to 0.",
        )
        self.changed(group)

    def refuse_while_deleting(self, group: Group) -> None:
        if group.deleting:
            raise AwsError("ScalingActivityInProgress", f"The AutoScalingGroup {group.name} is being deleted")

    def history(self, scope: Scope) -> list[tuple[str, Activity]]:
        """Activities of groups that are gone, newest group first."""
        return self._history.get(scope, [])

    # --- instances ----------------------------------------------------------------------------------------

    def member(self, scope: Scope, instance_id: str) -> tuple[Group, Member]:
        for group in self.groups(scope):
            if instance_id in group.members:
                return group, group.members[instance_id]
        raise AwsError(
            "ValidationError", f"Instance Id not found - No managed instance found for instance ID {instance_id}"
        )

    def set_health(self, group: Group, member: Member, status: str, respect_grace: bool) -> None:
        if status == HEALTHY:
            member.health, member.unhealthy_cause = HEALTHY, ""
        elif not (respect_grace and health.in_grace(self.now(group), member)):
            health.mark_unhealthy(member, health.USER_SAID)
        self.changed(group)

    def terminate(self, group: Group, member: Member, decrement: bool) -> Activity | None:
        if decrement and group.desired - 1 < group.min_size:
            raise AwsError(
                "ValidationError",
                f"Currently, desiredSize equals minSize ({group.min_size}). Terminating instance without replacement "
                "will violate group's min size constraint. Either set shouldDecrementDesiredCapacity flag to false "
                "or lower group's min size.",
            )
        cause = f"instance {member.instance_id} was taken out of service in response to a user request"
        if decrement:
            cause += f", shrinking the capacity from {group.desired} to {group.desired - 1}"
            group.desired -= 1
        if member.live:
            lifecycle.begin_termination(self.now(group), member, cause + ".")
        self.changed(group)
        return member.termination

    # --- instance refresh ---------------------------------------------------------------------------------

    def check_refresh(self, group: Group, preferences: Preferences) -> None:
        """Raises AwsError where a refresh could not start."""
        self.refuse_while_deleting(group)
        refresh.refuse_second(group)
        refresh.refuse_alarms(self.now(group), preferences)

    def start_refresh(
        self, group: Group, preferences: Preferences, template: LaunchTemplateRef | None = None
    ) -> Refresh:
        """Towards `template` (DesiredConfiguration); without it towards the group's own."""
        self.check_refresh(group, preferences)
        desired = template and existing_template(self.world, group, template)
        started = refresh.start(self.now(group), preferences, desired)
        self.changed(group)
        return started

    def cancel_refresh(self, group: Group, wait: bool = True) -> Refresh:
        """`wait`: WaitForTransitioningInstances."""
        cancelled = refresh.cancel(self.now(group), wait)
        self.changed(group)
        return cancelled

    def roll_back_refresh(self, group: Group) -> Refresh:
        rolled_back = refresh.roll_back(self.now(group))
        self.changed(group)
        return rolled_back

    # --- lifecycle actions --------------------------------------------------------------------------------

    def wait(self, group: Group, hook: str, instance_id: str | None, token: str | None) -> tuple[Member, Wait]:
        for member in group.members.values():
            for wait in member.waits:
                if wait.hook == hook and (member.instance_id == instance_id if not token else wait.token == token):
                    return member, wait
        what = f"token {token}" if token else f"instance ID {instance_id}"
        raise AwsError("ValidationError", f"No active Lifecycle Action found with {what}")

    def complete(self, group: Group, member: Member, wait: Wait, result: str) -> None:
        how = f"Lifecycle Action Completed with {result} Result"
        lifecycle.end_wait(self.now(group), member, wait, result, how)
        self.changed(group)

    def heartbeat(self, group: Group, wait: Wait) -> None:
        lifecycle.heartbeat(self.now(group), wait)

    # --- target groups ------------------------------------------------------------------------------------

    def set_target_groups(self, group: Group, arns: list[str]) -> None:
        """Registers with what is new and deregisters from what is gone (AttachLoadBalancerTargetGroups, API)."""
        serving = [m for m in group.members.values() if m.lifecycle is Lifecycle.IN_SERVICE]
        for arn in arns:
            if not self.world.targets.target_group_exists(arn):
                raise AwsError("ValidationError", f"Target group not found: {arn}")
        for member in serving:
            for arn in arns:
                if arn not in group.target_groups:
                    self.world.targets.register_target(arn, member.instance_id)
            for arn in self.now(group).target_groups():
                if arn not in arns:
                    self.world.targets.deregister_target(arn, member.instance_id)
        group.target_groups = arns
        self._wake()
