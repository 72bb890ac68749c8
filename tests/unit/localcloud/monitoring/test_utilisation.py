"""CPUUtilization: "Basic monitoring and detailed monitoring", "Set the default instance warmup for an … group"."""

from __future__ import annotations

import pytest

from localcloud.control_plane.monitoring.service import EC2_LAG
from localcloud.control_plane.monitoring.sources import MonitoredInstance
from localcloud.desired import CpuReading

from .conftest import MINUTE, SCALE, SCOPE, Cloud

DETAILED = MonitoredInstance(SCOPE, detailed=True)
BASIC = MonitoredInstance(SCOPE, detailed=False)


def test_each_minute_has_the_share_of_what_there_is(cloud: Cloud) -> None:
    cloud.instances = {"i-1": DETAILED}
    cloud.until(3 * MINUTE, **{"i-1": 0.5})
    found = cloud.values("CPUUtilization", InstanceId="i-1")
    assert found == {0: {25.0: 1}, 1: {25.0: 1}}
    assert {(one.namespace, one.unit) for _, one, _ in cloud.published} == {("AWS/EC2", "Percent")}


def test_it_is_published_when_its_lag_is_over_and_not_before(cloud: Cloud) -> None:
    cloud.instances = {"i-1": DETAILED}
    cloud.until(MINUTE + EC2_LAG / SCALE - 0.5, **{"i-1": 1})
    assert cloud.published == []
    cloud.until(MINUTE + EC2_LAG / SCALE, **{"i-1": 1})
    assert cloud.values("CPUUtilization", InstanceId="i-1") == {0: {50.0: 1}}


def test_readings_across_the_end_of_a_minute_belong_to_both(cloud: Cloud) -> None:
    cloud.instances = {"i-1": DETAILED}
    for at, seconds in ((0.0, 0.0), (0.75 * MINUTE, 0.0), (1.25 * MINUTE, MINUTE)):
        cloud.now = at
        cloud.monitoring.machines_measured({"i-1": CpuReading(seconds, 2.0)})
    cloud.until(3 * MINUTE, step=1.75 * MINUTE)
    assert cloud.values("CPUUtilization", InstanceId="i-1") == {0: {25.0: 1}, 1: {100.0: 1}}


def test_it_is_never_over_a_hundred_percent(cloud: Cloud) -> None:
    cloud.instances = {"i-1": DETAILED}
    cloud.until(2 * MINUTE, **{"i-1": 2.2})
    assert cloud.values("CPUUtilization", InstanceId="i-1") == {0: {100.0: 1}}


def test_without_detailed_monitoring_a_period_is_five_minutes(cloud: Cloud) -> None:
    cloud.instances = {"i-1": BASIC}
    cloud.until(12 * MINUTE, **{"i-1": 1})
    found = cloud.values("CPUUtilization", InstanceId="i-1")
    assert found == {0: {50.0: 1}, 5: {50.0: 1}}


def test_a_group_has_the_values_of_its_warm_members(cloud: Cloud) -> None:
    cloud.instances = {"i-1": DETAILED, "i-2": DETAILED, "i-3": DETAILED, "i-4": DETAILED}
    cloud.members = {"i-1": (SCOPE, "fleet"), "i-2": (SCOPE, "fleet"), "i-3": (SCOPE, "fleet")}
    cloud.until(2 * MINUTE, **{"i-1": 1, "i-2": 1, "i-3": 2, "i-4": 2})
    assert cloud.values("CPUUtilization", AutoScalingGroupName="fleet") == {0: {50.0: 2, 100.0: 1}}
    assert cloud.values("CPUUtilization", InstanceId="i-4") == {0: {100.0: 1}}, "its own is there all the same"
    assert cloud.asked_since == [0], "warm for the whole minute"


def test_an_instance_that_is_gone_is_published_no_more(cloud: Cloud) -> None:
    cloud.instances = {"i-1": DETAILED, "i-2": DETAILED}
    cloud.until(2 * MINUTE, **{"i-1": 1, "i-2": 1})
    del cloud.instances["i-2"]
    cloud.until(4 * MINUTE, **{"i-1": 1})
    assert set(cloud.values("CPUUtilization", InstanceId="i-1")) == {0, 1, 2}
    assert set(cloud.values("CPUUtilization", InstanceId="i-2")) == {0}


@pytest.mark.parametrize("before", [0.0, 5.0])
def test_a_reading_that_is_missing_loses_nothing(cloud: Cloud, before: float) -> None:
    cloud.instances = {"i-1": DETAILED}
    cloud.monitoring.machines_measured({"i-1": CpuReading(before, 2.0)})
    cloud.now = MINUTE / 3
    cloud.monitoring.machines_measured({})
    cloud.now = MINUTE
    cloud.monitoring.machines_measured({"i-1": CpuReading(before + MINUTE, 2.0)})
    cloud.until(2 * MINUTE, step=MINUTE)
    assert cloud.values("CPUUtilization", InstanceId="i-1") == {0: {50.0: 1}}
