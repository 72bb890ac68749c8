"""Where an instance refresh will be: today it only says that there is none.

The engine for it plugs in here: `advance` is called for every group at every tick before the group's capacity is
reconciled, so a refresh changes what counts as missing and what may go, and leaves launching, draining and hooks
to the modules that do them anyway. `AutoScalingGroupUpdate` in `control_plane.cloudformation.groups` runs on a
worker thread and may wait for `finished`.
"""

from __future__ import annotations

from localcloud.control_plane.autoscaling.model import Step

TRIGGERS = ("LaunchTemplate", "MixedInstancesPolicy", "VPCZoneIdentifier", "AvailabilityZones", "PlacementGroup")
"""Properties whose change starts a refresh under AutoScalingInstanceRefresh ("UpdatePolicy attribute", CFN guide)."""


def refusal(changed: list[str]) -> str:
    return (
        "localcloud does not support instance refreshes yet: this update changes "
        f"{', '.join(changed)} of a group with UpdatePolicy AutoScalingInstanceRefresh; on AWS this would replace "
        "the group's instances one after the other"
    )


def advance(step: Step) -> None:
    """Nothing to move on: no refresh can have been started."""
