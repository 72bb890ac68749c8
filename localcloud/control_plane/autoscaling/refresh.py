"""Instance refresh: a group's instances are replaced by new ones of its launch template, some at a time.

Sources (EC2 Auto Scaling user guide): "How an instance refresh works in an Auto Scaling group", "Understand the
default values for an instance refresh", "Add checkpoints to an instance refresh", "Use an instance refresh with skip
matching", "Undo changes with a rollback"; for alarms and bake time RefreshPreferences in the API reference.

`advance` runs for every group at every tick before the group's capacity is reconciled. It says how far the group may
exceed its desired capacity and takes out what has been replaced; launching, hooks, registration, health and draining
stay with the modules that do them anyway.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from localcloud.control_plane.autoscaling import refresh_batches as batches
from localcloud.control_plane.autoscaling.model import (
    Group,
    LaunchTemplateRef,
    Lifecycle,
    Member,
    Step,
)
from localcloud.control_plane.autoscaling.refresh_model import Preferences, Refresh, RefreshStatus, Rollback
from localcloud.wire import AwsError

PATIENCE = 3600
"""Seconds without a healthy replacement after which a refresh fails (user guide, "How an instance refresh works")."""

CANCELLED = "Cancelled due to user request."

KEPT = 50
"""Refreshes remembered per group: AWS keeps six weeks of them."""


def start(step: Step, preferences: Preferences, desired_template: LaunchTemplateRef | None = None) -> Refresh:
    """Begins a refresh towards `desired_template`, else the group's own; the caller has asked whether one may start."""
    if preferences.auto_rollback:
        refuse_irreversible(step.group, desired_template)
    refresh = Refresh(str(uuid.uuid4()), preferences, step.now, frozenset(), 0, desired_template, progress_at=step.now)
    step.group.refreshes.insert(0, refresh)
    del step.group.refreshes[KEPT:]
    old = batches.outdated(step, preferences.skip_matching)
    if preferences.protected == "Ignore":
        old = [instance_id for instance_id in old if not step.group.members[instance_id].protected]
    refresh.old, refresh.total = frozenset(old), len(old)
    return refresh


def refuse_irreversible(group: Group, desired_template: LaunchTemplateRef | None) -> None:
    """Where a rollback leads is the group's own template: it must be another one, and say the same as before (API)."""
    if desired_template is None or group.template.version in ("$Latest", "$Default"):
        raise AwsError(
            "IrreversibleInstanceRefresh",
            "The instance refresh cannot be rolled back: it has no desired configuration, or the group uses the "
            "$Latest or $Default version of its launch template.",
        )


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


def cancel(step: Step, wait: bool) -> Refresh:
    """Stops the refresh, or its rollback; what is replaced stays replaced (CancelInstanceRefresh, API).

    `wait`: it is cancelled when the launches and terminations under way have come to their end.
    """
    refresh = step.group.refresh
    if refresh is None:
        raise AwsError("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found.")
    refresh.status, refresh.reason = RefreshStatus.CANCELLING, CANCELLED
    if not wait:
        _end(step, refresh, RefreshStatus.CANCELLED, CANCELLED)
    return refresh


def roll_back(step: Step, why: str = "The rollback was requested by the user.") -> Refresh:
    """Back to the group's own template, what was replaced already included (RollbackInstanceRefresh, API)."""
    refresh = step.group.refresh
    if refresh is None or refresh.status not in (
        RefreshStatus.PENDING,
        RefreshStatus.IN_PROGRESS,
        RefreshStatus.BAKING,
    ):
        raise AwsError("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found.")
    refuse_irreversible(step.group, refresh.desired_template)
    refresh.rollback = Rollback(why, step.now, refresh.percentage, refresh.to_update)
    refresh.status, refresh.reason = RefreshStatus.ROLLBACK_IN_PROGRESS, why
    refresh.old = frozenset(batches.outdated(step))
    refresh.total, refresh.replaced, refresh.checkpoint = len(refresh.old), 0, 0
    refresh.baking_since, refresh.checkpoint_reached, refresh.progress_at = None, None, step.now
    return refresh


def advance(step: Step) -> None:
    """One look at the group's active refresh, if it has one."""
    refresh = step.group.refresh
    if refresh is None:
        return
    if step.group.deleting:
        # Whoever waits for the refresh is told, instead of waiting for a group that is gone.
        _end(step, refresh, RefreshStatus.CANCELLED, "The Auto Scaling group is being deleted.")
        return
    if refresh.status is RefreshStatus.CANCELLING:
        batches.hold(step, refresh)
        if not any(m.lifecycle is not Lifecycle.IN_SERVICE for m in step.group.members.values()):
            _end(step, refresh, RefreshStatus.CANCELLED, CANCELLED)
        return
    if refresh.status is RefreshStatus.PENDING:
        refresh.status = RefreshStatus.IN_PROGRESS
    rolling_back = refresh.status is RefreshStatus.ROLLBACK_IN_PROGRESS
    states = {} if rolling_back else _alarm_states(step, refresh)
    firing = [alarm for alarm, state in states.items() if state in ("ALARM", None)]
    if firing:
        what = "was not found" if states[firing[0]] is None else "entered the ALARM state"
        _fail(step, refresh, f"CloudWatch alarm {firing[0]} {what}.")
        return
    live = step.group.live()
    old = [member for member in live if member.instance_id in refresh.old]
    new = [member for member in live if member not in old and batches.is_replacement(step, refresh, member)]
    _note_progress(step, refresh, old, new)
    if "INSUFFICIENT_DATA" in states.values():
        # Neither further nor back until it is known how the new ones do; to wait for that is no lack of progress.
        batches.hold(step, refresh)
        refresh.progress_at = step.now
        return
    if step.has_passed(PATIENCE, refresh.progress_at) and refresh.baking_since is None:
        _fail(
            step,
            refresh,
            f"Instances did not become healthy: nothing could be replaced for {PATIENCE // 60} minutes. "
            f"{_last_failure(step.group)}",
        )
    elif old:
        batches.replace(step, refresh, old, new)
    else:
        refresh.surplus = 0
        _conclude(step, refresh, new)


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
    # Fewer may have been needed than there were: capacity that was taken away meanwhile has no replacement.
    refresh.replaced = refresh.total
    if refresh.rollback is not None:
        _end(step, refresh, RefreshStatus.ROLLBACK_SUCCESSFUL, refresh.rollback.reason)
        return
    if refresh.desired_template is not None:
        # "Once the instance refresh succeeds" (DesiredConfiguration, API), and not before.
        step.group.template = refresh.desired_template
    _end(step, refresh, RefreshStatus.SUCCESSFUL, "")


def _note_progress(step: Step, refresh: Refresh, old: Sequence[Member], new: Sequence[Member]) -> None:
    launched_since = [member for member in new if member.launched_at >= refresh.started]
    # Capacity that was added meanwhile replaces nobody.
    refresh.replaced = min(len(launched_since), refresh.total - len(old))
    seen = (refresh.replaced, len(old))
    if refresh.seen != seen:
        refresh.seen, refresh.progress_at = seen, step.now


def _fail(step: Step, refresh: Refresh, reason: str) -> None:
    batches.withdraw(step, refresh)
    if refresh.status is RefreshStatus.ROLLBACK_IN_PROGRESS:
        _end(step, refresh, RefreshStatus.ROLLBACK_FAILED, reason)
    elif refresh.preferences.auto_rollback:
        roll_back(step, reason)
    else:
        _end(step, refresh, RefreshStatus.FAILED, reason)


def _end(step: Step, refresh: Refresh, status: RefreshStatus, reason: str) -> None:
    refresh.status, refresh.reason, refresh.ended, refresh.surplus = status, reason.strip(), step.now, 0


def _alarm_states(step: Step, refresh: Refresh) -> dict[str, str | None]:
    group = step.group
    return {alarm: step.world.alarms.state(group.account, group.region, alarm) for alarm in refresh.preferences.alarms}


def _last_failure(group: Group) -> str:
    failed = (activity for activity in group.activities if activity.status in ("Failed", "Cancelled"))
    return next((activity.message for activity in failed if activity.message), "")
