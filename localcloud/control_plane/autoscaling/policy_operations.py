"""The part of the API that is about scaling policies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.control_plane.autoscaling import describe, policy_requests
from localcloud.control_plane.autoscaling.engine import Scope
from localcloud.control_plane.autoscaling.model import Group
from localcloud.control_plane.autoscaling.policy_model import Policy
from localcloud.control_plane.autoscaling.scaling import ScalingPolicies
from localcloud.control_plane.lock import under_lock
from localcloud.wire import AwsError, Handler

Values = dict[str, Any]


class PolicyOperations:
    """One method per API operation, called under the lock with the caller's account and region."""

    def __init__(self, policies: ScalingPolicies, scope: Callable[[], Scope]) -> None:
        self.policies = policies
        self._scope = scope

    def table(self) -> Mapping[str, Handler]:
        return {name: under_lock(getattr(self, name)) for name in OPERATIONS}

    def PutScalingPolicy(self, values: Values) -> Values:
        group = self.policies.engine.group(self._scope(), values["AutoScalingGroupName"])
        tracking, warmup = policy_requests.tracking(values), policy_requests.warmup(values)
        policy = self.policies.put(group, values["PolicyName"], tracking, warmup, values.get("Enabled", True))
        return {"PolicyARN": policy.arn, "Alarms": policy_requests.alarms(policy)}

    def DescribePolicies(self, values: Values) -> Values:
        name = values.get("AutoScalingGroupName")
        engine = self.policies.engine
        groups = [engine.group(self._scope(), name)] if name else engine.groups(self._scope())
        names, types = values.get("PolicyNames") or (), values.get("PolicyTypes") or ()
        found = [
            policy_requests.describe(group, policy)
            for group in groups
            for policy in group.policies.values()
            if (not names or policy.name in names or policy.arn in names)
            and (not types or policy_requests.TYPE in types)
        ]
        return describe.page("ScalingPolicies", found, values)

    def DeletePolicy(self, values: Values) -> None:
        self.policies.delete(*self._policy(values))

    def ExecutePolicy(self, values: Values) -> None:
        """It is for step and simple scaling: a target tracking policy scales by its metric alone."""
        _, policy = self._policy(values)
        raise AwsError(
            "ValidationError", f"ExecutePolicy is not supported for policy {policy.name} of type {policy_requests.TYPE}"
        )

    def _policy(self, values: Values) -> tuple[Group, Policy]:
        found = self.policies.find(self._scope(), values["PolicyName"], values.get("AutoScalingGroupName"))
        if found is None:
            raise AwsError("ValidationError", f"No policy found with name: {values['PolicyName']}")
        return found


OPERATIONS = tuple(name for name in vars(PolicyOperations) if name[0].isupper())
