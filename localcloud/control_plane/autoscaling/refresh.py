"""Instance refresh: a group's instances are replaced by new ones of its launch template, some at a time.

Sources (EC2 Auto Scaling user guide): "How an instance refresh works in an Auto Scaling group", "Understand the
default values for an instance refresh", "Add checkpoints to an instance refresh", "Use an instance refresh with skip
matching", "Undo changes with a rollback"; for alarms and bake time RefreshPreferences in the API reference.

`advance` runs for every group at every tick before the group's capacity is reconciled. It says how far the group may
exceed its desired capacity and takes out what has been replaced; launching, hooks, registration, health and draining
stay with the modules that do them anyway.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.control_plane.autoscaling import capacity, lifecycle
from localcloud.control_plane.autoscaling.model import (
    HEALTHY,
    Group,
    LaunchTemplateRef,
    Lifecycle,
    Member,
    Step,
    World,
    resolve_template,
)
from localcloud.control_plane.autoscaling.refresh_model import Preferences, Refresh, RefreshStatus
from localcloud.wire import AwsError

PATIENCE = 3600
"""Seconds without a healthy replacement after which a refresh fails (user guide, "How an instance refresh works")."""

KEPT = 50
"""Refreshes remembered per group: AWS keeps six weeks of them."""


def start(
    step: Step,
    preferences: Preferences,
    desired_template: LaunchTemplateRef | None = None,
    previous_template: LaunchTemplateRef | None = None,
) -> Refresh:
    """Begins a refresh towards the group's template as it is now; the caller has asked whether one may start."""
    old = frozenset(outdated(step, preferences.skip_matching))
    refresh = Refresh(
        str(uuid.uuid4()),
        preferences,
        step.now,
        old,
        len(old),
        desired_template,
        previous_template,
        progress_at=step.now,
    )
    step.group.refreshes.insert(0, refresh)
    del step.group.refreshes[KEPT:]
    return refresh


def refuse_second(group: Group) -> None:
    if group.refresh is not None:
        raise AwsError(
            "InstanceRefreshInProgress",
            "An Instance Refresh is already in progress and blocks the execution of this Instance Refresh.",
        )


def refuse_alarms(step: Step, preferences: Preferences) -> None:
    """At the start an alarm that is not in OK is an error, as is one that does not exist (API reference)."""
    for alarm in preferences.alarms:
        state = step.world.alarms.state(step.group.account, step.group.region, alarm)
        if state is None:
            raise AwsError("ValidationError", f"The CloudWatch alarm {alarm} does not exist.")
        if state != "OK":
            raise AwsError(
                "ValidationError",
                f"The CloudWatch alarm {alarm} is in the {state} state: an instance refresh starts with alarms in OK.",
            )


def outdated(step: Step, skip_matching: bool = True) -> list[str]:
    """The live instances that a refresh would replace: all, or those that were launched differently."""
    wanted = _data(step.world, step.group, step.group.template)
    return [
        member.instance_id
        for member in step.group.live()
        if not skip_matching
        or member.subnet_id not in step.group.subnets
        or _data(step.world, step.group, member.template) != wanted
    ]


def _data(world: World, group: Group, template: LaunchTemplateRef) -> Mapping[str, Any] | None:
    """What the template says: another version that says the same is no difference."""
    found = resolve_template(world, group, template)
    return found and found[1]


def cancel(step: Step) -> Refresh:
    """Ends the refresh where it is: what is replaced stays replaced (CancelInstanceRefresh, API)."""
    refresh = step.group.refresh
    if refresh is None:
        raise AwsError("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found.")
    _end(step, refresh, RefreshStatus.CANCELLED, "Cancelled due to user request.")
    return refresh


def roll_back(step: Step, why: str = "The rollback was requested by the user.") -> Refresh:
    """Back to the template from before, what was replaced already included (RollbackInstanceRefresh, API)."""
    refresh = step.group.refresh
    if refresh is None:
        raise AwsError("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found.")
    if refresh.previous_template is None:
        raise AwsError(
            "IrreversibleInstanceRefresh",
            "The instance refresh has no desired configuration, so there is nothing that it could be rolled back to.",
        )
    step.group.template = refresh.previous_template
    refresh.status, refresh.reason = RefreshStatus.ROLLBACK_IN_PROGRESS, why
    refresh.old = frozenset(outdated(step))
    refresh.total, refresh.replaced, refresh.checkpoint = len(refresh.old), 0, 0
    refresh.baking_since, refresh.checkpoint_reached, refresh.progress_at = None, None, step.now
    return refresh


def advance(step: Step) -> None:
    """One look at the group's active refresh, if it has one."""
    refresh = step.group.refresh
    if refresh is None or step.group.deleting:
        return
    if refresh.status is RefreshStatus.PENDING:
        refresh.status = RefreshStatus.IN_PROGRESS
    rolling_back = refresh.status is RefreshStatus.ROLLBACK_IN_PROGRESS
    states = {} if rolling_back else _alarm_states(step, refresh)
    firing = [alarm for alarm, state in states.items() if state in ("ALARM", None)]
    if firing:
        _fail(step, refresh, f"CloudWatch alarm {firing[0]} entered the ALARM state.")
        return
    old = [member for member in step.group.live() if member.instance_id in refresh.old]
    new = [m for m in step.group.live() if m.instance_id not in refresh.old and _counts(step, refresh, m)]
    _note_progress(step, refresh, old, new)
    if "INSUFFICIENT_DATA" in states.values():
        # Neither further nor back until it is known how the new ones do.
        refresh.surplus = min(refresh.surplus, max(0, len(step.group.live()) - step.group.desired))
        return
    if step.has_passed(PATIENCE, refresh.progress_at) and refresh.baking_since is None:
        _fail(
            step,
            refresh,
            f"Instances did not become healthy: nothing could be replaced for {PATIENCE // 60} minutes. "
            f"{_last_failure(step.group)}",
        )
    elif old:
        _replace(step, refresh, old, new)
    else:
        refresh.surplus = 0
        _conclude(step, refresh, new)


def _replace(step: Step, refresh: Refresh, old: Sequence[Member], new: Sequence[Member]) -> None:
    """Room for new ones, and out with as many old ones as the minimum allows."""
    in_play = _in_play(step, refresh, len(old), len(new))
    least, most = bounds(step.group.desired, refresh.preferences)
    serving = [member for member in old if _healthy(step, member)]
    useless = [member for member in old if member not in serving]
    spare = max(0, len(serving) + len(new) - least)
    going = (useless + capacity.victims(step.group, serving, spare))[:in_play]
    refresh.surplus = min(most - step.group.desired, in_play - len(going))
    for member in going:
        cause = "an instance was taken out of service in response to an instance refresh"
        lifecycle.begin_termination(step, member, f"{cause}.")


def bounds(desired: int, preferences: Preferences) -> tuple[int, int]:
    """(fewest instances that serve, most that live). Where both come to the same number, one more is launched first.

    RefreshPreferences, API: with both percentages set, a group too small for them launches before it terminates.
    """
    least = math.ceil(desired * preferences.min_healthy / 100)
    return least, max(math.floor(desired * preferences.max_healthy / 100), least + 1)


def _in_play(step: Step, refresh: Refresh, old: int, ready: int) -> int:
    """How many of the old ones may go now: all of them, or as many as the next checkpoint asks for."""
    percentages = refresh.preferences.checkpoints
    while refresh.checkpoint < len(percentages):
        goal = math.ceil(refresh.total * percentages[refresh.checkpoint] / 100)
        left = goal - (refresh.total - old)
        if left > 0 or ready < min(goal, step.group.desired):
            return max(0, left)
        if refresh.checkpoint_reached is None:
            refresh.checkpoint_reached = step.now
        # Waiting is what was asked for, and not a lack of progress.
        refresh.progress_at = step.now
        if not step.has_passed(refresh.preferences.checkpoint_delay, refresh.checkpoint_reached):
            return 0
        refresh.checkpoint += 1
        refresh.checkpoint_reached = None
    return old


def _conclude(step: Step, refresh: Refresh, new: Sequence[Member]) -> None:
    """Every old one is leaving: done when they are gone, all new ones serve, and the bake time has passed."""
    leaving = refresh.old & step.group.members.keys()
    if refresh.total and (leaving or len(new) < step.group.desired):
        return
    if refresh.preferences.bake and refresh.total and refresh.status is not RefreshStatus.ROLLBACK_IN_PROGRESS:
        if refresh.baking_since is None:
            refresh.baking_since = step.now
            refresh.status = RefreshStatus.BAKING
        if not step.has_passed(refresh.preferences.bake, refresh.baking_since):
            return
    rolled_back = refresh.status is RefreshStatus.ROLLBACK_IN_PROGRESS
    _end(step, refresh, RefreshStatus.ROLLBACK_SUCCESSFUL if rolled_back else RefreshStatus.SUCCESSFUL, refresh.reason)


def _note_progress(step: Step, refresh: Refresh, old: Sequence[Member], new: Sequence[Member]) -> None:
    launched_since = [member for member in new if member.launched_at >= refresh.started]
    refresh.replaced = min(len(launched_since), refresh.total)
    seen = (refresh.replaced, len(old))
    if refresh.seen != seen:
        refresh.seen, refresh.progress_at = seen, step.now


def _fail(step: Step, refresh: Refresh, reason: str) -> None:
    _withdraw(step, refresh)
    if refresh.status is RefreshStatus.ROLLBACK_IN_PROGRESS:
        _end(step, refresh, RefreshStatus.ROLLBACK_FAILED, reason)
    elif refresh.preferences.auto_rollback and refresh.previous_template is not None:
        roll_back(step, reason)
    else:
        _end(step, refresh, RefreshStatus.FAILED, reason)


def _withdraw(step: Step, refresh: Refresh) -> None:
    """The surplus goes with the refresh that failed: of the new ones, those that do not serve, before any old one."""
    idle = [m for m in step.group.live() if m.instance_id not in refresh.old and not _healthy(step, m)]
    for member in idle[: max(0, len(step.group.live()) - step.group.desired)]:
        cause = "an instance was taken out of service in response to an instance refresh that failed."
        lifecycle.begin_termination(step, member, cause)


def _end(step: Step, refresh: Refresh, status: RefreshStatus, reason: str) -> None:
    refresh.status, refresh.reason, refresh.ended, refresh.surplus = status, reason.strip(), step.now, 0


def _counts(step: Step, refresh: Refresh, member: Member) -> bool:
    """Replaced: healthy, and warmed up since it entered service ("instance warmup")."""
    warmup = refresh.preferences.warmup
    if warmup is None:
        warmup = step.group.grace_period if step.group.warmup is None else step.group.warmup
    return _healthy(step, member) and member.in_service_at is not None and step.has_passed(warmup, member.in_service_at)


def _healthy(step: Step, member: Member) -> bool:
    """In service and, where the load balancer decides about health, answered by each of its target groups."""
    if member.lifecycle is not Lifecycle.IN_SERVICE or member.health != HEALTHY:
        return False
    if "ELB" not in step.group.health_check_types:
        return True
    states = [step.world.targets.target_state(arn, member.instance_id) for arn in step.target_groups()]
    return all(health is not None and health.state in ("healthy", "unused") for health in states)


def _alarm_states(step: Step, refresh: Refresh) -> dict[str, str | None]:
    group = step.group
    return {alarm: step.world.alarms.state(group.account, group.region, alarm) for alarm in refresh.preferences.alarms}


def _last_failure(group: Group) -> str:
    failed = (activity for activity in group.activities if activity.status in ("Failed", "Cancelled"))
    return next((activity.message for activity in failed if activity.message), "")
