"""Scaling policies, as the Auto Scaling service has them now."""

from __future__ import annotations

from localcloud import ministack_seam as seam
from localcloud.control_plane.autoscaling import policy_requests
from localcloud.control_plane.autoscaling.scaling import ScalingPolicies
from localcloud.control_plane.drift.readers import Properties, present, register

TYPE = "AWS::AutoScaling::ScalingPolicy"


def install(policies: ScalingPolicies) -> None:
    def read(arn: str, _: Properties) -> Properties | None:
        found = policies.find(seam.scope(), arn)
        return found and present(**policy_requests.describe(*found))

    register(TYPE, read)
