"""The scaling policies of every group: put, deleted, and called by their alarms.

Callers hold `control_plane.lock.LOCK`.
"""

from __future__ import annotations

import uuid

from localcloud.control_plane.autoscaling import activities, target_tracking
from localcloud.control_plane.autoscaling.engine import AutoScaling, Scope
from localcloud.control_plane.autoscaling.model import Group
from localcloud.control_plane.autoscaling.policy_model import Policy, Tracking
from localcloud.desired import AlarmAction
from localcloud.wire import AwsError


class ScalingPolicies:
    def __init__(self, engine: AutoScaling) -> None:
        self.engine = engine

    def put(self, group: Group, name: str, tracking: Tracking, warmup: int | None, enabled: bool = True) -> Policy:
        """Makes the policy or changes it in place: its ARN and its alarms' names stay. Raises `AwsError`."""
        self.engine.refuse_while_deleting(group)
        _check(group, name, tracking)
        old = group.policies.get(name)
        policy = Policy(name, old.arn if old else _arn(group, name), tracking, warmup, enabled)
        policy.alarms = dict(old.alarms) if old else {}
        target_tracking.put_alarms(self.engine.now(group), policy)
        group.policies[name] = policy
        return policy

    def delete(self, group: Group, policy: Policy) -> None:
        """With its alarms ("Delete a scaling policy", user guide)."""
        target_tracking.delete_alarms(self.engine.now(group), policy)
        del group.policies[policy.name]

    def find(self, scope: Scope, name: str, group_name: str | None = None) -> tuple[Group, Policy] | None:
        """By ARN, or by the group's name and its own."""
        for group in self.engine.groups(scope):
            for policy in group.policies.values():
                if name == policy.arn or (name == policy.name and group_name in (group.name, group.arn)):
                    return group, policy
        return None

    def act(self, action: AlarmAction) -> str:
        """What an alarm calls; says why when the call was not taken. Nothing to change is no failure."""
        found = self.find((action.account, action.region), action.action_arn)
        if found is None:
            return f"The scaling policy {action.action_arn} does not exist."
        group, policy = found
        alarm = str(action.alarm["AlarmName"])
        refusal = _refusal(group, policy, alarm)
        if refusal or action.value is None:
            return refusal or f"Alarm {alarm} has no data point to scale by."
        step = self.engine.now(group)
        if policy.alarms["High"].name == alarm:
            self._set(group, policy, alarm, target_tracking.larger(step, policy, action.value))
        else:
            policy.low_value = action.value
            self._set(group, policy, alarm, target_tracking.smaller(step, policy))
        return ""

    def _set(self, group: Group, policy: Policy, alarm: str, desired: int) -> None:
        if desired == group.desired:
            return
        group.desired_cause = activities.sentences(
            self.engine.clock(),
            f"a monitor alarm {alarm} in state ALARM triggered policy {policy.name} changing the desired capacity "
            f"from {group.desired} to {desired}.",
        )
        group.desired = desired
        self.engine.changed(group)


def _refusal(group: Group, policy: Policy, alarm: str) -> str:
    if alarm not in (own.name for own in policy.alarms.values()):
        return f"Alarm {alarm} is none of policy {policy.name}'s own: a target tracking policy obeys no other."
    if group.deleting:
        return f"The AutoScalingGroup {group.name} is being deleted."
    if "AlarmNotification" in group.suspended:
        return f"AlarmNotification of the AutoScalingGroup {group.name} is suspended."
    return "" if policy.enabled else f"The scaling policy {policy.name} is disabled."


def _arn(group: Group, name: str) -> str:
    return (
        f"arn:aws:autoscaling:{group.region}:{group.account}:scalingPolicy:{uuid.uuid4()}:"
        f"autoScalingGroupName/{group.name}:policyName/{name}"
    )


def _check(group: Group, name: str, tracking: Tracking) -> None:
    if tracking.target <= 0:
        raise AwsError("ValidationError", f"TargetValue must be greater than 0, not {tracking.target}")
    if any(
        (other.tracking.metric, other.tracking.resource_label) == (tracking.metric, tracking.resource_label)
        for other in group.policies.values()
        if other.name != name
    ):
        # "Provided that each of them uses a different metric" ("Multiple target tracking scaling policies").
        raise AwsError(
            "ValidationError",
            "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
        )
    if tracking.metric == target_tracking.REQUESTS_PER_TARGET:
        label = tracking.resource_label or ""
        attached = [arn.rpartition(":")[2] for arn in group.target_groups]
        if not label.startswith("app/") or not any(label.endswith(f"/{suffix}") for suffix in attached):
            raise AwsError(
                "ValidationError",
                f"ResourceLabel {label!r} must be app/<load balancer>/<id>/targetgroup/<target group>/<id>, with a "
                f"target group of the AutoScalingGroup {group.name}",
            )
