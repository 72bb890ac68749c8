"""AWS::AutoScaling::AutoScalingGroup: create, update, delete, as the CloudFormation template reference has them.

CREATE_COMPLETE means that the instances are launched, not that they are ready (without a CreationPolicy). An update
under AutoScalingInstanceRefresh ends with the refresh that it starts, and fails when the refresh does: the stack then
rolls back, which is an update to the properties from before, with a refresh of its own. Deleting sets the group's
size to 0 first, so that every instance drains, and ends when the last one is gone.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from localcloud import ministack_seam as seam
from localcloud.control_plane.autoscaling import metrics, refresh_requests, requests
from localcloud.control_plane.autoscaling.engine import AutoScaling
from localcloud.control_plane.autoscaling.model import (
    Group,
    LaunchTemplateRef,
    MaintenancePolicy,
    World,
    template_data,
)
from localcloud.control_plane.autoscaling.refresh_model import Preferences, Refresh, RefreshStatus
from localcloud.control_plane.autoscaling.settings import NO_WARMUP, GroupSettings
from localcloud.control_plane.cloudformation.refused import RefusedError, told
from localcloud.control_plane.lock import LOCK

TYPE = "AWS::AutoScaling::AutoScalingGroup"
SERVICE = "AutoScaling"

DELETE_TIMEOUT = 3600
"""Seconds a stack waits for a group's instances to go: the longest deregistration delay there is (ELB API)."""

REFRESH_TIMEOUT = 36 * 3600
"""Seconds, each way: "bounded by the CloudFormation resource timeout of 36 hours" ("UpdatePolicy attribute")."""

REPLACING = ("AutoScalingGroupName",)
"""Properties whose change means another group (template reference, "Update requires: Replacement")."""


class GroupType:
    """The handlers; `poll` is how long the worker thread of a deletion sleeps between two looks, in real seconds."""

    def __init__(
        self,
        engine: AutoScaling,
        rollback_honours_alarms: bool = False,
        poll: float = 0.2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.engine = engine
        self._rollback_honours_alarms = rollback_honours_alarms
        self._poll = poll
        self._sleep = sleep

    def handler(self) -> seam.ResourceHandler:
        return seam.ResourceHandler(self.create, self.update, self.delete)

    def create(self, logical_id: str, properties: seam.Attributes, stack_name: str) -> tuple[str, seam.Attributes]:
        name = properties.get("AutoScalingGroupName") or seam.generated_name(stack_name, logical_id, 255)
        with LOCK:
            group = told(SERVICE, lambda: self.engine.create(seam.scope(), name, settings(properties, None)))
            refused = _refused_launch(group)
            if refused:
                size = f"{{0/{group.min_size}/{group.desired}}}"
                self.engine.delete(group, force=True)
                raise RefusedError(
                    f"Group did not stabilize. {{current/minimum/desired}} group size = {size}. {refused}"
                )
            return name, attributes(group)

    def update(
        self,
        physical_id: str,
        old: seam.Attributes,
        new: seam.Attributes,
        stack_name: str,
        logical_id: str,
    ) -> tuple[str, seam.Attributes]:
        if any(old.get(name) != new.get(name) for name in REPLACING):
            return self.create(logical_id, new, stack_name)
        rolling_back = seam.is_rolling_back(stack_name)
        wanted = settings(new, old)
        with LOCK:
            group = told(SERVICE, lambda: self.engine.group(seam.scope(), physical_id))
            kept = None if wanted.clear_maintenance else group.maintenance
            preferences = self._preferences(stack_name, logical_id, wanted.maintenance or kept, rolling_back)
            if not starts_refresh(self.engine, group, wanted) and not (rolling_back and self._is_mixed(group, wanted)):
                preferences = None
            if preferences is not None:
                # Asked before anything is changed: an update that may not start leaves the group as it is.
                told(SERVICE, lambda: self.engine.check_refresh(group, preferences))
            told(SERVICE, lambda: self.engine.update(group, wanted))
            started = told(SERVICE, lambda: self.engine.start_refresh(group, preferences)) if preferences else None
        if started is not None:
            self._await(group, started, None if rolling_back else stack_name)
        return physical_id, attributes(group)

    def _preferences(
        self, stack_name: str, logical_id: str, maintenance: MaintenancePolicy | None, rolling_back: bool
    ) -> Preferences | None:
        """Of the refresh that the UpdatePolicy asks for; None without one."""
        update_policy = seam.resource_attribute(stack_name, logical_id, "UpdatePolicy") or {}
        if "AutoScalingInstanceRefresh" not in update_policy:
            return None
        given = update_policy["AutoScalingInstanceRefresh"] or {}
        if given.get("Strategy", "Rolling") != "Rolling":
            raise RefusedError(f"localcloud does not support Strategy {given['Strategy']} yet")
        values = {name: value for name, value in (given.get("Preferences") or {}).items() if value != seam.no_value()}
        asked = told(
            SERVICE,
            lambda: refresh_requests.preferences(
                values, maintenance, refresh_requests.STACK_BOUNDS, skip_matching=True
            ),
        )
        if rolling_back:
            # Without a bake time, as nothing is being tried. Whether alarms count is not documented: see Settings.
            alarms = asked.alarms if self._rollback_honours_alarms else ()
            asked = dataclasses.replace(asked, bake=0, checkpoints=(), alarms=alarms)
        return asked

    def _is_mixed(self, group: Group, wanted: GroupSettings) -> bool:
        """Whether a refresh that did not come to its end has left instances that are not as they are to be."""
        versions = {member.template for member in group.live()}
        return wanted.template is not None and any(
            _launches_differently(self.engine.world, group, wanted.template, version) for version in versions
        )

    def _await(self, group: Group, started: Refresh, cancelled_with: str | None) -> None:
        """Blocks until the refresh has ended. Raises RefusedError unless it was successful.

        `cancelled_with` is the stack whose CancelUpdateStack ends the refresh too; a rollback cannot be cancelled.
        """
        deadline = time.monotonic() + self.engine.world.scaled(REFRESH_TIMEOUT)
        while started.active:
            if time.monotonic() > deadline:
                raise RefusedError(f"Instance refresh {started.refresh_id} of {group.name} takes longer than 36 hours")
            if cancelled_with and seam.is_update_cancelled(cancelled_with):
                with LOCK:
                    if started.active:
                        self.engine.cancel_refresh(group, wait=False)
                raise RefusedError("Resource update cancelled")
            self._sleep(self._poll)
        if started.status is not RefreshStatus.SUCCESSFUL:
            raise RefusedError(
                f"Instance refresh {started.refresh_id} of {group.name} ended as {started.status}: {started.reason}"
            )

    def delete(self, physical_id: str, properties: seam.Attributes) -> None:
        """Blocks: runs on a worker thread. A group that is gone already is no error."""
        scope = seam.scope()
        with LOCK:
            group = self.engine.find(scope, physical_id)
            if group is None:
                return
            self.engine.shrink_to_nothing(group)
        deadline = time.monotonic() + DELETE_TIMEOUT
        while self.engine.find(scope, physical_id) is group:
            if time.monotonic() > deadline:
                left = ", ".join(sorted(group.members))
                raise RefusedError(f"{physical_id} still has instances after {DELETE_TIMEOUT} s: {left}")
            self._sleep(self._poll)


def starts_refresh(engine: AutoScaling, group: Group, wanted: GroupSettings) -> bool:
    """Whether a property that starts a refresh ("UpdatePolicy attribute", CFN guide) really changes.

    They are compared with the group and not with the last template. So the rollback of an update that was refused
    changes nothing. A rollback leaves the launch template with a further version that says the same as the one before:
    no change either.
    """
    return (
        (wanted.template is not None and _launches_differently(engine.world, group, wanted.template, group.template))
        or (wanted.subnets is not None and sorted(wanted.subnets) != sorted(group.subnets))
        or (wanted.zones is not None and sorted(wanted.zones) != sorted(set(group.zones.values())))
    )


def _launches_differently(world: World, group: Group, wanted: LaunchTemplateRef, present: LaunchTemplateRef) -> bool:
    return wanted != present and template_data(world, group, wanted) != template_data(world, group, present)


def settings(properties: seam.Attributes, old: seam.Attributes | None) -> GroupSettings:
    """Template properties → API parameters → settings. A property taken out of the template gets its default back."""
    values = dict(properties)
    for name in ("MinSize", "MaxSize", "DesiredCapacity", "HealthCheckGracePeriod", "DefaultInstanceWarmup"):
        if name in values:
            values[name] = _number(name, values[name])
    if "Cooldown" in values:
        values["DefaultCooldown"] = _number("Cooldown", values.pop("Cooldown"))
    if isinstance(values.get("VPCZoneIdentifier"), list):
        values["VPCZoneIdentifier"] = ",".join(values["VPCZoneIdentifier"])
    if "NewInstancesProtectedFromScaleIn" in values:
        values["NewInstancesProtectedFromScaleIn"] = requests.flag(values["NewInstancesProtectedFromScaleIn"])
    if "InstanceMaintenancePolicy" in values:
        values["InstanceMaintenancePolicy"] = {
            name: _number(name, value) for name, value in values["InstanceMaintenancePolicy"].items()
        }
    # The stack's own tags come without PropagateAtLaunch and do reach the instances ("Resource tag", CFN guide).
    values["Tags"] = [
        {**tag, "PropagateAtLaunch": requests.flag(tag.get("PropagateAtLaunch", True))}
        for tag in values.get("Tags") or ()
    ]
    if "LifecycleHookSpecificationList" in values:
        values["LifecycleHookSpecificationList"] = [
            {**hook, "HeartbeatTimeout": _number("HeartbeatTimeout", hook["HeartbeatTimeout"])}
            if "HeartbeatTimeout" in hook
            else hook
            for hook in values["LifecycleHookSpecificationList"]
        ]
    for name in DEFAULTS if old is not None else ():
        if name in (old or {}) and name not in properties:
            values[name] = DEFAULTS[name]
    collected = values.pop("MetricsCollection", None)
    requests.refuse_unsupported(TYPE, values)
    result = told(SERVICE, lambda: requests.settings(values))
    if collected is not None:
        # Of the resource type alone: the API has EnableMetricsCollection for it.
        result.metrics = told(SERVICE, lambda: metrics.collection(collected))
    return result


DEFAULTS: dict[str, Any] = {
    "HealthCheckType": "EC2",
    "HealthCheckGracePeriod": 0,
    "DefaultInstanceWarmup": NO_WARMUP,
    "TargetGroupARNs": [],
    "TerminationPolicies": ["Default"],
    "NewInstancesProtectedFromScaleIn": False,
    "InstanceMaintenancePolicy": {"MinHealthyPercentage": -1, "MaxHealthyPercentage": -1},
    "LifecycleHookSpecificationList": [],
    "MetricsCollection": [],
}


def attributes(group: Group) -> seam.Attributes:
    return {"AutoScalingGroupARN": group.arn}


def _refused_launch(group: Group) -> str:
    if group.members or not group.desired:
        return ""
    return next((activity.message for activity in group.activities if activity.status == "Failed"), "")


def _number(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise RefusedError(f"{name} must be a whole number, not {value!r}") from None
