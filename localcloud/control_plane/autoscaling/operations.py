"""The API of the Auto Scaling service: parameters in, results out. What is not in the table is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from localcloud.control_plane.autoscaling import describe, metrics, refresh_requests, requests
from localcloud.control_plane.autoscaling.engine import AutoScaling, Scope
from localcloud.control_plane.autoscaling.model import Group, Tag
from localcloud.control_plane.autoscaling.settings import check_hook
from localcloud.control_plane.lock import under_lock
from localcloud.wire import AwsError, Handler

Values = dict[str, Any]


class Operations:
    """One method per API operation, called under the lock with the caller's account and region."""

    def __init__(self, engine: AutoScaling, scope: Callable[[], Scope]) -> None:
        self.engine = engine
        self._scope = scope

    def table(self) -> Mapping[str, Handler]:
        return {name: under_lock(getattr(self, name)) for name in OPERATIONS} | {
            name: (lambda values, result=result: {result: []}) for name, result in EMPTY.items()
        }

    def _group(self, values: Values) -> Group:
        return self.engine.group(self._scope(), values["AutoScalingGroupName"])

    def _named(self, names: Collection[str]) -> list[Group]:
        groups = self.engine.groups(self._scope())
        return [group for group in groups if not names or group.name in names or group.arn in names]

    # --- groups -------------------------------------------------------------------------------------------

    def CreateAutoScalingGroup(self, values: Values) -> None:
        requests.refuse_unsupported("CreateAutoScalingGroup", values)
        self.engine.create(self._scope(), values["AutoScalingGroupName"], requests.settings(values))

    def UpdateAutoScalingGroup(self, values: Values) -> None:
        requests.refuse_unsupported("UpdateAutoScalingGroup", values)
        self.engine.update(self._group(values), requests.settings(values))

    def DeleteAutoScalingGroup(self, values: Values) -> None:
        self.engine.delete(self._group(values), values.get("ForceDelete", False))

    def DescribeAutoScalingGroups(self, values: Values) -> Values:
        groups = self._named(values.get("AutoScalingGroupNames") or ())
        for item in values.get("Filters") or ():
            groups = [group for group in groups if requests.matches_filter(group, item)]
        return describe.page("AutoScalingGroups", [describe.group(group) for group in groups], values)

    def SetDesiredCapacity(self, values: Values) -> None:
        if values.get("HonorCooldown"):
            raise AwsError("ValidationError", "localcloud does not support HonorCooldown yet; on AWS this would wait")
        self.engine.set_desired(self._group(values), values["DesiredCapacity"])

    def DescribeScalingActivities(self, values: Values) -> Values:
        name = values.get("AutoScalingGroupName")
        found = [
            (group.name, activity) for group in self._named([name] if name else ()) for activity in group.activities
        ]
        if values.get("IncludeDeletedGroups"):
            found += [entry for entry in self.engine.history(self._scope()) if name in (None, entry[0])]
        wanted = values.get("ActivityIds") or ()
        found = [(n, a) for n, a in found if not wanted or a.activity_id in wanted]
        found.sort(key=lambda entry: entry[1].started, reverse=True)
        return describe.page("Activities", [describe.activity(n, a) for n, a in found], values)

    def SuspendProcesses(self, values: Values) -> None:
        group = self._group(values)
        for process in requests.processes(values):
            group.suspended[process] = "User suspended at the request of the API"

    def ResumeProcesses(self, values: Values) -> None:
        group = self._group(values)
        for process in requests.processes(values):
            group.suspended.pop(process, None)

    def EnableMetricsCollection(self, values: Values) -> None:
        """Adds to what is collected already."""
        group = self._group(values)
        added = metrics.chosen(values.get("Metrics"), values["Granularity"])
        group.metrics = [name for name in metrics.METRICS if name in {*group.metrics, *added}]

    def DisableMetricsCollection(self, values: Values) -> None:
        group = self._group(values)
        gone = metrics.chosen(values.get("Metrics"), metrics.GRANULARITY)
        group.metrics = [name for name in group.metrics if name not in gone]

    # --- instances ----------------------------------------------------------------------------------------

    def DescribeAutoScalingInstances(self, values: Values) -> Values:
        wanted = values.get("InstanceIds") or ()
        found = [
            describe.managed_instance(group, member)
            for group in self._named(())
            for member in group.members.values()
            if not wanted or member.instance_id in wanted
        ]
        return describe.page("AutoScalingInstances", found, values, most=50)

    def SetInstanceHealth(self, values: Values) -> None:
        group, member = self.engine.member(self._scope(), values["InstanceId"])
        status = values["HealthStatus"]
        if status not in ("Healthy", "Unhealthy"):
            raise AwsError("ValidationError", "Valid instance health states are: [Healthy, Unhealthy].")
        self.engine.set_health(group, member, status, values.get("ShouldRespectGracePeriod", True))

    def SetInstanceProtection(self, values: Values) -> None:
        group = self._group(values)
        for instance_id in values["InstanceIds"]:
            if instance_id not in group.members:
                raise AwsError("ValidationError", f"The instance {instance_id} is not part of group {group.name}.")
        for instance_id in values["InstanceIds"]:
            group.members[instance_id].protected = values["ProtectedFromScaleIn"]

    def TerminateInstanceInAutoScalingGroup(self, values: Values) -> Values:
        group, member = self.engine.member(self._scope(), values["InstanceId"])
        activity = self.engine.terminate(group, member, values["ShouldDecrementDesiredCapacity"])
        return {"Activity": activity and describe.activity(group.name, activity)}

    # --- instance refresh ---------------------------------------------------------------------------------

    def StartInstanceRefresh(self, values: Values) -> Values:
        group = self._group(values)
        if values.get("Strategy", "Rolling") != "Rolling":
            raise AwsError("ValidationError", f"localcloud does not support Strategy {values['Strategy']} yet")
        wanted = refresh_requests.desired_template(values.get("DesiredConfiguration"))
        preferences = refresh_requests.preferences(values.get("Preferences") or {}, group.maintenance)
        return {"InstanceRefreshId": self.engine.start_refresh(group, preferences, wanted).refresh_id}

    def CancelInstanceRefresh(self, values: Values) -> Values:
        group, wait = self._group(values), values.get("WaitForTransitioningInstances", True)
        return {"InstanceRefreshId": self.engine.cancel_refresh(group, wait).refresh_id}

    def RollbackInstanceRefresh(self, values: Values) -> Values:
        return {"InstanceRefreshId": self.engine.roll_back_refresh(self._group(values)).refresh_id}

    def DescribeInstanceRefreshes(self, values: Values) -> Values:
        group = self._group(values)
        wanted = values.get("InstanceRefreshIds") or ()
        found = [
            refresh_requests.describe(group, refresh)
            for refresh in group.refreshes
            if not wanted or refresh.refresh_id in wanted
        ]
        return describe.page("InstanceRefreshes", found, values)

    # --- lifecycle hooks ----------------------------------------------------------------------------------

    def PutLifecycleHook(self, values: Values) -> None:
        group = self._group(values)
        hook = requests.hook(values, group.hooks.get(values["LifecycleHookName"]))
        check_hook(hook)
        group.hooks[hook.name] = hook

    def DeleteLifecycleHook(self, values: Values) -> None:
        """Its lifecycle actions under way are completed: ABANDON for launching, CONTINUE for terminating (API)."""
        group = self._group(values)
        name = values["LifecycleHookName"]
        if group.hooks.pop(name, None) is None:
            raise AwsError("ValidationError", f"No Lifecycle Hook found with name: {name}")
        for member in list(group.members.values()):
            for wait in [wait for wait in member.waits if wait.hook == name]:
                result = "ABANDON" if member.lifecycle.is_pending else "CONTINUE"
                self.engine.complete(group, member, wait, result)

    def DescribeLifecycleHooks(self, values: Values) -> Values:
        group = self._group(values)
        wanted = values.get("LifecycleHookNames") or ()
        hooks = [hook for name, hook in sorted(group.hooks.items()) if not wanted or name in wanted]
        return {"LifecycleHooks": [describe.hook(group.name, hook) for hook in hooks]}

    def CompleteLifecycleAction(self, values: Values) -> Values:
        result = values["LifecycleActionResult"]
        if result not in ("CONTINUE", "ABANDON"):
            raise AwsError("ValidationError", "LifecycleActionResult must be CONTINUE or ABANDON")
        group = self._group(values)
        member, wait = self.engine.wait(group, *requests.action(values))
        self.engine.complete(group, member, wait, result)
        return {}

    def RecordLifecycleActionHeartbeat(self, values: Values) -> Values:
        group = self._group(values)
        _, wait = self.engine.wait(group, *requests.action(values))
        self.engine.heartbeat(group, wait)
        return {}

    # --- tags, target groups ------------------------------------------------------------------------------

    def CreateOrUpdateTags(self, values: Values) -> None:
        for item in values["Tags"]:
            group = self.engine.group(self._scope(), item.get("ResourceId", ""))
            new = Tag(item["Key"], item.get("Value", ""), item.get("PropagateAtLaunch", False))
            group.tags = [tag for tag in group.tags if tag.key != new.key] + [new]

    def DeleteTags(self, values: Values) -> None:
        for item in values["Tags"]:
            group = self.engine.group(self._scope(), item.get("ResourceId", ""))
            group.tags = [tag for tag in group.tags if tag.key != item["Key"]]

    def DescribeTags(self, values: Values) -> Values:
        filters = {item["Name"]: item.get("Values") or [] for item in values.get("Filters") or ()}
        found = [
            tag
            for group in self._named(filters.get("auto-scaling-group", ()))
            for tag in (describe.tag(group, item) for item in group.tags)
            if tag["Key"] in filters.get("key", [tag["Key"]]) and tag["Value"] in filters.get("value", [tag["Value"]])
        ]
        return describe.page("Tags", found, values)

    def AttachLoadBalancerTargetGroups(self, values: Values) -> Values:
        group = self._group(values)
        new = [arn for arn in values["TargetGroupARNs"] if arn not in group.target_groups]
        self.engine.set_target_groups(group, group.target_groups + new)
        return {}

    def DetachLoadBalancerTargetGroups(self, values: Values) -> Values:
        group = self._group(values)
        gone = values["TargetGroupARNs"]
        self.engine.set_target_groups(group, [arn for arn in group.target_groups if arn not in gone])
        return {}

    def DescribeLoadBalancerTargetGroups(self, values: Values) -> Values:
        group = self._group(values)
        state = "InService" if "ELB" in group.health_check_types else "Added"
        found = [{"LoadBalancerTargetGroupARN": arn, "State": state} for arn in group.target_groups]
        return describe.page("LoadBalancerTargetGroups", found, values)

    def DescribeTrafficSources(self, values: Values) -> Values:
        group = self._group(values)
        found = [{"Identifier": arn, "Type": "elbv2", "State": "InService"} for arn in group.target_groups]
        return describe.page("TrafficSources", found, values, most=50)


OPERATIONS = tuple(name for name in vars(Operations) if name[0].isupper())

EMPTY = {
    "DescribeScheduledActions": "ScheduledUpdateGroupActions",
    "DescribeLaunchConfigurations": "LaunchConfigurations",
    "DescribeLoadBalancers": "LoadBalancers",
    "DescribeNotificationConfigurations": "NotificationConfigurations",
}
"""Questions about what cannot exist here, because what would create it is refused: the answer is an empty list."""
