"""Which instances of a refresh go now, and how many more may come.

Sources (EC2 Auto Scaling user guide): "How an instance refresh works in an Auto Scaling group", "Add checkpoints to
an instance refresh", "Use an instance refresh with skip matching"; percentages and protection from RefreshPreferences
in the API reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from localcloud.control_plane.autoscaling import capacity, lifecycle
from localcloud.control_plane.autoscaling.model import (
    HEALTHY,
    Lifecycle,
    Member,
    Step,
    template_data,
)
from localcloud.control_plane.autoscaling.refresh_model import Preferences, Refresh


def outdated(step: Step, skip_matching: bool = True) -> list[str]:
    """The live instances that a refresh would replace: all, or those that were launched differently."""
    wanted = template_data(step.world, step.group, step.group.launching_from)
    return [
        member.instance_id
        for member in step.group.live()
        if not skip_matching
        or member.subnet_id not in step.group.subnets
        or template_data(step.world, step.group, member.template) != wanted
    ]


def replace(step: Step, refresh: Refresh, old: Sequence[Member], new: Sequence[Member]) -> None:
    """Room for new ones, and out with as many old ones as the minimum allows."""
    in_play = _in_play(step, refresh, len(old), len(new))
    least, most = bounds(step.group.desired, refresh.preferences)
    if refresh.preferences.protected == "Wait":
        # An hour to take the protection away, as for everything that does not go forward.
        old = [member for member in old if not member.protected]
    booting = [member for member in old if member.lifecycle is not Lifecycle.IN_SERVICE]
    serving = [member for member in old if _healthy(step, member)]
    # In service, and not answering at this moment: they go before those that do, but never all of them at once. A
    # load balancer to which no target is healthy sends requests to every target.
    failing = [member for member in old if member not in serving and member not in booting]
    room = max(0, len(failing) + len(serving) + len(new) - least)
    ill = failing[:room]
    spare = min(room - len(ill), max(0, len(serving) + len(new) - least))
    going = (booting + ill + capacity.victims(step.group, serving, spare))[:in_play]
    refresh.surplus = min(most - step.group.desired, min(in_play, len(old)) - len(going))
    for member in going:
        cause = "an instance was taken out of service in response to an instance refresh"
        lifecycle.begin_termination(step, member, f"{cause}.")


def bounds(desired: int, preferences: Preferences) -> tuple[int, int]:
    """(fewest instances that serve, most that live). There is always room to replace one instance.

    Where both percentages are set and come to the same number, one more is launched first. Without a maximum an
    instance is terminated while its replacement is launched (RefreshPreferences, API), but for a minimum of 100 %:
    then the new ones are launched first ("How an instance refresh works", user guide).
    """
    least = math.ceil(desired * preferences.min_healthy / 100)
    if preferences.max_healthy is None and preferences.min_healthy < 100:
        return min(least, desired - 1), desired
    most = math.floor(desired * (preferences.max_healthy or 100) / 100)
    return least, max(most, least + 1)


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


def hold(step: Step, refresh: Refresh) -> None:
    """Nothing further is launched for the refresh; what is there already stays."""
    refresh.surplus = min(refresh.surplus, max(0, len(step.group.live()) - step.group.desired))


def withdraw(step: Step, refresh: Refresh) -> None:
    """The surplus goes with the refresh that failed: of the new ones, those that do not serve, before any old one."""
    idle = [m for m in step.group.live() if m.instance_id not in refresh.old and not _healthy(step, m)]
    for member in idle[: max(0, len(step.group.live()) - step.group.desired)]:
        cause = "an instance was taken out of service in response to an instance refresh that failed."
        lifecycle.begin_termination(step, member, cause)


def is_replacement(step: Step, refresh: Refresh, member: Member) -> bool:
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
