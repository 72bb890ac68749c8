"""Target tracking: the alarms that a policy makes for itself, and the capacity that it wants when one calls.

Source: "Target tracking scaling policies for Amazon EC2 Auto Scaling" (EC2 Auto Scaling user guide). It says that the
group scales out proportionally and in more gradually, and not how. What it leaves open is chosen so that scaling in
never causes scaling out: one instance at a time, and only where what is left stays well below the target.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.control_plane.autoscaling.model import HEALTHY, Group, Lifecycle, Member, Step
from localcloud.control_plane.autoscaling.policy_model import Policy, PolicyAlarm, Side, Tracking

PERIOD = 60
"""Seconds, of both alarms."""

PERIODS: Mapping[Side, int] = {"High": 3, "Low": 15}
"""Evaluation periods, as the alarms of real policies have them; no document says so."""

LOW_SHARE = 0.7
"""AlarmLow's threshold as a share of the target, as seen in small groups: 35 for 50, 14 for 20. Shares up to 0.9 have
been seen as well; AWS edits its alarms "to customize the scaling experience". Here it does not."""

HEADROOM = 0.9
"""Share of the target that the instances left by a scale-in may come to. Ours: AWS waits "until the metric lowers
enough that we think scaling in won't cause oscillation"."""

AVERAGE_CPU, REQUESTS_PER_TARGET = "ASGAverageCPUUtilization", "ALBRequestCountPerTarget"
METRICS = (AVERAGE_CPU, REQUESTS_PER_TARGET)


def put_alarms(step: Step, policy: Policy) -> None:
    """Makes the policy's alarms, or changes them to what it says now; without scaling in there is no AlarmLow."""
    group = step.group
    sides: Sequence[Side] = ("High", "Low") if policy.tracking.scale_in else ("High",)
    for side in sides:
        kept = policy.alarms.get(side)
        name = kept.name if kept else f"TargetTracking-{group.name}-Alarm{side}-{uuid.uuid4()}"
        arn = step.world.alarms.put(group.account, group.region, _parameters(group, policy, side, name))
        policy.alarms[side] = PolicyAlarm(name, arn)
    if not policy.tracking.scale_in and "Low" in policy.alarms:
        step.world.alarms.delete(group.account, group.region, [policy.alarms.pop("Low").name])


def delete_alarms(step: Step, policy: Policy) -> None:
    names = [alarm.name for alarm in policy.alarms.values()]
    step.world.alarms.delete(step.group.account, step.group.region, names)
    policy.alarms.clear()


def _parameters(group: Group, policy: Policy, side: Side, name: str) -> dict[str, Any]:
    """Of PutMetricAlarm."""
    target = policy.tracking.target
    return {
        "AlarmName": name,
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
        "ActionsEnabled": True,
        "AlarmActions": [policy.arn],
        **_metric(group, policy.tracking),
        "Period": PERIOD,
        "EvaluationPeriods": PERIODS[side],
        # Rounded, so that 0.7 × 50 is 35 and not a little less.
        "Threshold": target if side == "High" else round(target * LOW_SHARE, 6),
        "ComparisonOperator": "GreaterThanThreshold" if side == "High" else "LessThanThreshold",
    }


def _metric(group: Group, tracking: Tracking) -> dict[str, Any]:
    if tracking.metric == AVERAGE_CPU:
        return {
            "Namespace": "AWS/EC2",
            "MetricName": "CPUUtilization",
            "Statistic": "Average",
            "Dimensions": [{"Name": "AutoScalingGroupName", "Value": group.name}],
        }
    target_group = "targetgroup" + str(tracking.resource_label).partition("/targetgroup")[2]
    return {
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "RequestCountPerTarget",
        "Statistic": "Sum",
        "Dimensions": [{"Name": "TargetGroup", "Value": target_group}],
    }


def larger(step: Step, policy: Policy, value: float) -> int:
    """The desired capacity when the metric is above the target, proportional to it and never smaller than it is now.

    "While instances are in the warmup period" they do not count, as their metric does not: what they were launched for
    is not asked for again.
    """
    group = step.group
    warm = sum(is_warm(step, policy, member) for member in group.members.values())
    return max(group.desired, min(_instances(warm * value / policy.tracking.target), group.max_size))


def smaller(step: Step, policy: Policy) -> int:
    """The desired capacity when the metric is low, at most one instance less; the same while anything forbids it.

    It scales in "only if all of the target tracking policies (with the scale in portion enabled) are ready", and to
    what the one that needs most leaves over. Instances that are terminating still count, so that each step is seen
    through before the next one; while one warms up nothing is scaled in.
    """
    group = step.group
    tracking = [one for one in group.policies.values() if one.enabled and one.tracking.scale_in]
    if any(member.live and not is_warm(step, policy, member) for member in group.members.values()):
        return group.desired
    if not all(one is policy or _is_low(step, one) for one in tracking):
        return group.desired
    current = len(group.members)
    needed = max(_instances(current * (one.low_value or 0) / (HEADROOM * one.tracking.target)) for one in tracking)
    return min(group.desired, max(needed, current - 1, group.min_size))


def is_warm(step: Step, policy: Policy, member: Member) -> bool:
    """Serves, and has done so for the policy's warm-up.

    The policy's own comes before the group's default instance warmup, and that before the default cooldown
    (EstimatedInstanceWarmup, PutScalingPolicy).
    """
    group = step.group
    warmup = next(seconds for seconds in (policy.warmup, group.warmup, group.cooldown) if seconds is not None)
    serves = member.lifecycle is Lifecycle.IN_SERVICE and member.health == HEALTHY
    return serves and step.has_passed(warmup, member.in_service_at or 0)


def _is_low(step: Step, policy: Policy) -> bool:
    alarm = policy.alarms.get("Low")
    return (
        alarm is not None
        and policy.low_value is not None
        and step.world.alarms.state(step.group.account, step.group.region, alarm.name) == "ALARM"
    )


def _instances(number: float) -> int:
    """Rounded up, but for what floating point adds."""
    return math.ceil(number - 1e-9)
