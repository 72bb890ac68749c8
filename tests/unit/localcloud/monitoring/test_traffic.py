"""AWS/ApplicationELB: "CloudWatch metrics for your Application Load Balancer", metric by metric."""

from __future__ import annotations

from localcloud.control_plane.monitoring.service import ELB_LAG
from localcloud.control_plane.monitoring.sources import Hosts

from .conftest import LB, LB_DIMENSION, MINUTE, SCALE, SCOPE, TG, TG_DIMENSION, Cloud

BOTH = LB_DIMENSION | TG_DIMENSION


def test_answers_of_targets_count_for_balancer_and_target_group(cloud: Cloud) -> None:
    cloud.until(1)
    for status in (200, 204, 301, 404, 500, 503):
        cloud.answer(status)
    cloud.until(3 * MINUTE)
    for dimensions in (LB_DIMENSION, BOTH):
        assert cloud.values("RequestCount", **dimensions) == {0: {1.0: 6}}
        counts = [cloud.values(f"HTTPCode_Target_{n}XX_Count", **dimensions)[0] for n in (2, 3, 4, 5)]
        assert counts == [{1.0: 2}, {1.0: 1}, {1.0: 1}, {1.0: 2}]
    assert not any("ELB" in name for name in cloud.names())
    assert {scope for scope, _, _ in cloud.published} == {SCOPE}


def test_the_load_balancers_own_errors_carry_no_target_group(cloud: Cloud) -> None:
    cloud.until(1)
    cloud.answer(502, target_answered=False, connection_failed=True)
    cloud.answer(504, target_answered=False)
    cloud.answer(503, target_answered=False, target_group_arn=None, instance_id=None)
    cloud.answer(460, target_answered=False)
    cloud.until(3 * MINUTE)
    own = {name for name in cloud.names() if name.startswith("HTTPCode")}
    assert own == {
        "HTTPCode_ELB_4XX_Count",
        "HTTPCode_ELB_5XX_Count",
        "HTTPCode_ELB_502_Count",
        "HTTPCode_ELB_503_Count",
        "HTTPCode_ELB_504_Count",
    }
    assert all(not cloud.values(name, **BOTH) for name in own)
    assert cloud.values("HTTPCode_ELB_5XX_Count", **LB_DIMENSION) == {0: {1.0: 3}}
    assert cloud.values("TargetConnectionErrorCount", **BOTH) == {0: {1.0: 1}}
    assert cloud.values("TargetConnectionErrorCount", **LB_DIMENSION) == {0: {1.0: 1}}
    assert cloud.values("RequestCount", **LB_DIMENSION) == {0: {1.0: 3}}, "only where a target could be chosen"


def test_response_times_are_all_kept_and_real(cloud: Cloud) -> None:
    """Real seconds at any time scale: p99 is that of what targets did."""
    cloud.until(1)
    for seconds in (0.1, 0.1, 0.25):
        cloud.answer(target_seconds=seconds)
    cloud.answer(502, target_answered=False)
    cloud.until(3 * MINUTE)
    for dimensions in (LB_DIMENSION, BOTH):
        assert cloud.values("TargetResponseTime", **dimensions) == {0: {0.1: 2, 0.25: 1}}


def test_healthy_hosts_are_sampled(cloud: Cloud) -> None:
    cloud.targets = [Hosts(LB, TG, healthy=2, unhealthy=0, registered=2)]
    cloud.until(MINUTE / 2)
    cloud.targets = [Hosts(LB, TG, healthy=1, unhealthy=1, registered=3)]
    cloud.until(3 * MINUTE)
    healthy, unhealthy = (cloud.values(f"{name}HostCount", **BOTH)[0] for name in ("Healthy", "UnHealthy"))
    assert set(healthy) == {1, 2}
    assert set(unhealthy) == {0, 1}
    assert cloud.names() == {"HealthyHostCount", "UnHealthyHostCount"}, "the others without a request: not at all"


def test_a_group_without_targets_reports_no_hosts(cloud: Cloud) -> None:
    """ "Reported if there are registered targets"."""
    cloud.targets = [Hosts(LB, TG, 0, 0, 0)]
    cloud.until(3 * MINUTE)
    assert cloud.published == []


def test_requests_per_target_are_divided_by_healthy_targets(cloud: Cloud) -> None:
    """ "Divided by the number of healthy targets … If there are no healthy targets … by the total number of registered
    targets"."""
    cloud.targets = [Hosts(LB, TG, healthy=2, unhealthy=1, registered=4)]
    cloud.until(1)
    for _ in range(6):
        cloud.answer()
    cloud.until(MINUTE + 0.5)
    cloud.targets = [Hosts(LB, TG, healthy=0, unhealthy=1, registered=4)]
    for _ in range(6):
        cloud.answer()
    cloud.until(4 * MINUTE)
    for dimensions in (TG_DIMENSION, BOTH):
        assert cloud.values("RequestCountPerTarget", **dimensions) == {0: {3.0: 1}, 1: {1.5: 1}}


def test_metrics_are_published_late(cloud: Cloud) -> None:
    cloud.until(1)
    cloud.answer()
    cloud.until(MINUTE + ELB_LAG / SCALE - 0.5)
    assert cloud.published == []
    cloud.until(MINUTE + ELB_LAG / SCALE)
    assert cloud.values("RequestCount", **BOTH) == {0: {1.0: 1}}


def test_a_request_that_is_told_too_late_counts_in_the_next_minute(cloud: Cloud) -> None:
    cloud.until(5 * MINUTE)
    cloud.now = 0.5
    cloud.answer()
    cloud.now = 5 * MINUTE
    cloud.until(8 * MINUTE)
    assert sum(sum(values.values()) for values in cloud.values("RequestCount", **BOTH).values()) == 1
