"""AWS::AutoScaling::ScalingPolicy: create, update, delete, as the CloudFormation template reference has them.

Ref is the policy's ARN. CloudFormation names the policy itself; another group means another policy, everything else is
changed in place.
"""

from __future__ import annotations

from localcloud import ministack_seam as seam
from localcloud.control_plane.autoscaling import policy_requests
from localcloud.control_plane.autoscaling.policy_model import Policy
from localcloud.control_plane.autoscaling.scaling import ScalingPolicies
from localcloud.control_plane.cloudformation.groups import SERVICE
from localcloud.control_plane.cloudformation.refused import told
from localcloud.control_plane.lock import under_lock

TYPE = "AWS::AutoScaling::ScalingPolicy"

REPLACING = "AutoScalingGroupName"
"""The property whose change means another policy (resource schema, "createOnlyProperties")."""


class PolicyType:
    """The handlers."""

    def __init__(self, policies: ScalingPolicies) -> None:
        self.policies = policies

    def handler(self) -> seam.ResourceHandler:
        return seam.ResourceHandler(under_lock(self.create), under_lock(self.update), under_lock(self.delete))

    def create(self, logical_id: str, properties: seam.Attributes, stack_name: str) -> tuple[str, seam.Attributes]:
        return self._put(seam.generated_name(stack_name, logical_id, 255), properties)

    def update(
        self,
        physical_id: str,
        old: seam.Attributes,
        new: seam.Attributes,
        stack_name: str,
        logical_id: str,
    ) -> tuple[str, seam.Attributes]:
        found = self.policies.find(seam.scope(), physical_id)
        if found is None or old.get(REPLACING) != new.get(REPLACING):
            return self.create(logical_id, new, stack_name)
        return self._put(found[1].name, new)

    def delete(self, physical_id: str, properties: seam.Attributes) -> None:
        """One that is gone already, by itself or with its group, is no error."""
        found = self.policies.find(seam.scope(), physical_id)
        if found is not None:
            self.policies.delete(*found)

    def _put(self, name: str, properties: seam.Attributes) -> tuple[str, seam.Attributes]:
        def put() -> Policy:
            group = self.policies.engine.group(seam.scope(), properties["AutoScalingGroupName"])
            tracking, warmup = policy_requests.tracking(properties), policy_requests.warmup(properties)
            return self.policies.put(group, name, tracking, warmup)

        policy = told(SERVICE, put)
        return policy.arn, {"Arn": policy.arn, "PolicyName": policy.name}
