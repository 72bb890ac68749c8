"""Group sizes and the days that certificates are still valid."""

from __future__ import annotations

from localcloud.control_plane.monitoring.certificates import DAY, EVERY
from localcloud.control_plane.monitoring.sources import Expiry

from .conftest import MINUTE, SCALE, SCOPE, Cloud

ARN = "arn:aws:acm:us-east-1:000000000000:certificate/0123"


def test_sizes_are_sampled_each_minute_for_as_long_as_the_group_exists(cloud: Cloud) -> None:
    cloud.group_values = [(SCOPE, "fleet", {"GroupDesiredCapacity": 2})]
    cloud.until(1.5 * MINUTE)
    cloud.group_values = [(SCOPE, "fleet", {"GroupDesiredCapacity": 4})]
    cloud.until(2.5 * MINUTE)
    cloud.group_values = []
    cloud.until(4 * MINUTE)
    found = cloud.values("GroupDesiredCapacity", AutoScalingGroupName="fleet")
    assert found == {0: {2.0: 1}, 1: {2.0: 1}, 2: {4.0: 1}}
    assert {one.namespace for _, one, _ in cloud.published} == {"AWS/AutoScaling"}


def test_days_to_expiry_are_told_at_once_and_twice_a_day(cloud: Cloud) -> None:
    """ "ACM publishes metrics to CloudWatch twice a day for every certificate in an account until expiration"."""
    half_a_day = EVERY / SCALE
    certificate = Expiry(ARN, cloud.begin + 30.5 * DAY, cloud.begin)
    cloud.certificates = [certificate]
    cloud.until(0.5)
    assert list(cloud.values("DaysToExpiry", CertificateArn=ARN).values()) == [{30.0: 1}]
    cloud.until(half_a_day, step=100)
    assert len(cloud.published) == 1
    cloud.until(half_a_day + 200, step=100)
    assert len(cloud.published) == 2
    cloud.certificates = [Expiry(ARN, cloud.begin + 90 * DAY, cloud.begin + cloud.now)]
    cloud.until(cloud.now + 1)
    assert [next(iter(one.values)) for _, one, _ in cloud.published] == [30, 30, 89], "imported again"


def test_an_expired_certificate_is_told_of_no_more(cloud: Cloud) -> None:
    cloud.certificates = [Expiry(ARN, cloud.begin - 1, 0)]
    cloud.until(MINUTE)
    assert cloud.published == []
