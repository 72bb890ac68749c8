"""Target tracking over alarms that CloudWatch evaluates: the two halves as they are joined in the local cloud."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.control_plane.autoscaling.scaling import ScalingPolicies
from localcloud.control_plane.cloudwatch.engine import CloudWatch
from localcloud.control_plane.cloudwatch.periods import AwsTime
from localcloud.desired import Measurement
from tests.unit.localcloud.autoscaling.cloud import SCOPE, Cloud
from tests.unit.localcloud.autoscaling.load import LAG, WARMUP
from tests.unit.localcloud.autoscaling.load import Load as FakedLoad


class Load(FakedLoad):
    """The same load; the metric is published, and CloudWatch calls the policy."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloudwatch = CloudWatch(AwsTime(), lambda: cloud.now)
        cloud.engine.world = replace(cloud.engine.world, alarms=self.cloudwatch)
        self.cloudwatch.on_action("autoscaling", ScalingPolicies(cloud.engine).act)
        super().__init__(cloud)

    def data_point(self, value: float) -> None:
        at = self.cloud.now - (LAG + 1) * 60
        dimensions = {"AutoScalingGroupName": self.group.name}
        measurement = Measurement("AWS/EC2", "CPUUtilization", dimensions, at, {value: 1}, "Percent")
        self.cloudwatch.publish(*SCOPE, [measurement])
        self.cloudwatch.tick(self.cloud.now)


@pytest.fixture
def load(cloud: Cloud) -> Load:
    return Load(cloud)


def test_the_group_grows_with_its_load_and_shrinks_after_it(load: Load) -> None:
    assert WARMUP > LAG * 60
    load.minutes(20, demand=20)
    growing = load.minutes(3 + LAG, demand=160)
    assert growing == [2] * (2 + LAG) + [4]
    assert set(load.minutes(30, demand=160)) == {4}
    shrinking = load.minutes(40, demand=20)
    assert shrinking[: 14 + LAG] == [4] * (14 + LAG)
    assert shrinking[-1] == 2
    assert load.cloudwatch.state(*SCOPE, load.policy.alarms["High"].name) == "OK"
    assert load.cloudwatch.state(*SCOPE, load.policy.alarms["Low"].arn) == "ALARM"
