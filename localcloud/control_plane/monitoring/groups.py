"""AWS/AutoScaling: sizes of Auto Scaling groups with metrics collection.

Source: "Amazon CloudWatch metrics for Amazon EC2 Auto Scaling" (user guide): "sends sampled data to CloudWatch every
minute on a best-effort basis"; nothing is backfilled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from localcloud.control_plane.monitoring.sources import Scope
from localcloud.desired import Measurement

NAMESPACE = "AWS/AutoScaling"


def group_measurements(
    groups: Iterable[tuple[Scope, str, Mapping[str, int]]], at: float
) -> Iterator[tuple[Scope, Measurement]]:
    for scope, group, values in groups:
        for name, value in values.items():
            yield scope, Measurement(NAMESPACE, name, {"AutoScalingGroupName": group}, at, {float(value): 1})
