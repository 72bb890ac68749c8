"""Auto Scaling groups, as the service has them now.

Not compared: DesiredCapacity, which scaling changes by itself.
"""

from __future__ import annotations

from localcloud import ministack_seam as seam
from localcloud.control_plane.autoscaling import describe, metrics
from localcloud.control_plane.autoscaling.engine import AutoScaling
from localcloud.control_plane.drift.readers import Properties, register

TYPE = "AWS::AutoScaling::AutoScalingGroup"


def install(engine: AutoScaling) -> None:
    def read(name: str, _: Properties) -> Properties | None:
        record = engine.find(seam.scope(), name)
        if record is None or record.deleting:
            return None
        view = describe.group(record)
        return {
            **{member: value for member, value in view.items() if value is not None},
            "Cooldown": record.cooldown,
            "VPCZoneIdentifier": record.subnets,
            "MetricsCollection": [{"Granularity": metrics.GRANULARITY, "Metrics": record.metrics}]
            if record.metrics
            else None,
            "LifecycleHookSpecificationList": [describe.hook(name, hook) for hook in record.hooks.values()],
        }

    register(TYPE, read, "DesiredCapacity")
