"""Target tracking: alarms, scaling out and in, and what forbids either.

Sources: EC2 Auto Scaling user guide, "Target tracking scaling policies for Amazon EC2 Auto Scaling", "Set the default
instance warmup for an Auto Scaling group", "Use instance scale-in protection", "Disable a scaling policy", "Suspend and
resume Amazon EC2 Auto Scaling processes"; API reference, PutScalingPolicy.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from localcloud.control_plane.autoscaling.model import Lifecycle
from localcloud.control_plane.autoscaling.policy_model import Tracking
from localcloud.control_plane.autoscaling.refresh_model import Preferences
from localcloud.control_plane.autoscaling.settings import NO_WARMUP, GroupSettings
from localcloud.wire import AwsError
from tests.unit.localcloud.autoscaling.cloud import TARGET_GROUP, Cloud, ids
from tests.unit.localcloud.autoscaling.load import CPU, LAG, Load

REQUESTS = Tracking("ALBRequestCountPerTarget", 1000.0, "app/lb/1/targetgroup/blue/1")


@pytest.fixture
def load(cloud: Cloud) -> Load:
    return Load(cloud)


# --- alarms -----------------------------------------------------------------------------------------------


def test_a_policy_makes_its_two_alarms(load: Load) -> None:
    high, low = load.cloud.alarms.made.values()
    assert high["AlarmName"].startswith("TargetTracking-fleet-AlarmHigh-")
    assert low["AlarmName"].startswith("TargetTracking-fleet-AlarmLow-")
    assert high["AlarmActions"] == low["AlarmActions"] == [load.policy.arn]
    assert high["Dimensions"] == [{"Name": "AutoScalingGroupName", "Value": "fleet"}]
    described = [
        (one["ComparisonOperator"], one["Threshold"], one["Period"], one["EvaluationPeriods"]) for one in (high, low)
    ]
    assert described == [("GreaterThanThreshold", 50.0, 60, 3), ("LessThanThreshold", 35.0, 60, 15)]
    arn = "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:"
    assert load.policy.arn.startswith(arn)
    assert load.policy.arn.endswith(":autoScalingGroupName/fleet:policyName/cpu")


def test_another_target_changes_the_alarms_and_leaves_their_names_and_the_policys_arn(load: Load) -> None:
    before = list(load.cloud.alarms.made)
    arn = load.policy.arn
    changed = load.cloud.policies.put(load.group, "cpu", Tracking("ASGAverageCPUUtilization", 40.0), None)
    assert changed.arn == arn
    assert list(load.cloud.alarms.made) == before
    assert [alarm["Threshold"] for alarm in load.cloud.alarms.made.values()] == [40.0, 28.0]


def test_without_scaling_in_there_is_no_alarm_low(load: Load) -> None:
    load.cloud.policies.put(load.group, "cpu", Tracking("ASGAverageCPUUtilization", 50.0, scale_in=False), None)
    (left,) = load.cloud.alarms.made
    assert "AlarmHigh" in left


def test_the_alarms_go_with_the_policy(load: Load) -> None:
    load.cloud.policies.delete(load.group, load.policy)
    assert not load.cloud.alarms.made
    assert not load.group.policies


def test_the_alarms_go_with_the_group(load: Load) -> None:
    load.cloud.engine.shrink_to_nothing(load.group)
    for _ in range(4):
        load.timeline.step()
    assert not load.cloud.engine.groups((load.group.account, load.group.region))
    assert not load.cloud.alarms.made


def test_requests_per_target_are_those_of_the_labelled_target_group(cloud: Cloud) -> None:
    group = cloud.in_service(target_groups=[TARGET_GROUP])
    cloud.policies.put(group, "requests", REQUESTS, None)
    alarm = next(iter(cloud.alarms.made.values()))
    assert (alarm["MetricName"], alarm["Statistic"]) == ("RequestCountPerTarget", "Sum")
    assert alarm["Dimensions"] == [{"Name": "TargetGroup", "Value": "targetgroup/blue/1"}]


@pytest.mark.parametrize(
    ("tracking", "sentence"),
    [
        (Tracking("ASGAverageCPUUtilization", 0.0), "TargetValue must be greater than 0"),
        (Tracking("ASGAverageCPUUtilization", 60.0), "Only one TargetTrackingScaling policy for a given metric"),
        (Tracking("ALBRequestCountPerTarget", 9.0), "ResourceLabel '' must be"),
        (Tracking("ALBRequestCountPerTarget", 9.0, "app/lb/1/targetgroup/green/1"), "with a target group of the"),
    ],
)
def test_a_refused_policy_makes_nothing(load: Load, tracking: Tracking, sentence: str) -> None:
    before = dict(load.cloud.alarms.made)
    with pytest.raises(AwsError, match=sentence):
        load.cloud.policies.put(load.group, "other", tracking, None)
    assert load.cloud.alarms.made == before
    assert list(load.group.policies) == ["cpu"]


# --- load comes and goes ----------------------------------------------------------------------------------


def test_load_that_rises_is_answered_in_proportion_after_three_minutes(load: Load) -> None:
    """Two instances at 80 %: 2 × 80 / 50 = 3.2, "we round up"."""
    assert load.minutes(3 + LAG, demand=160) == [2] * (2 + LAG) + [4]
    assert set(load.minutes(30, demand=160)) == {4}
    assert load.metric == 40


def test_what_was_launched_already_is_not_launched_again_while_it_warms_up(cloud: Cloud) -> None:
    """ "Continuously (but not excessively)": the alarm calls each minute, and the metric lags."""
    load = Load(cloud, warmup=600)
    assert load.minutes(3 + LAG, demand=190)[-1] == 4
    assert len(load.cloud.alarms.made) == 2
    assert set(load.minutes(9, demand=190)) == {4}


def test_load_that_rises_further_during_the_warm_up_adds_what_is_missing(cloud: Cloud) -> None:
    load = Load(cloud, warmup=600)
    load.minutes(3 + LAG, demand=120)
    assert load.group.desired == 3
    assert load.minutes(3, demand=240)[-1] == 4
    assert max(load.minutes(60, demand=240)) == 5


def test_a_warm_up_shorter_than_the_metrics_lag_scales_on_stale_data(cloud: Cloud) -> None:
    """ "An adequate warm-up period helps to prevent Amazon EC2 Auto Scaling from scaling on stale metric data"
    ("Instance refresh", considerations): four are there, and what two were busy with is read as what four are."""
    load = Load(cloud, warmup=None)
    assert max(load.minutes(10, demand=160)) == 7


def test_it_never_goes_above_the_maximum(cloud: Cloud) -> None:
    load = Load(cloud, most=5)
    assert max(load.minutes(60, demand=2000)) == 5


def test_load_that_is_gone_shrinks_the_group_one_by_one_after_fifteen_minutes(load: Load) -> None:
    load.minutes(40, demand=250)
    assert load.group.desired == 5
    falling = load.minutes(40, demand=10)
    assert falling[: 14 + LAG] == [5] * (14 + LAG)
    assert falling[-1] == 2
    assert sorted(falling, reverse=True) == falling
    assert {before - after for before, after in pairwise(falling)} == {0, 1}


def test_it_never_goes_below_the_minimum(load: Load) -> None:
    assert set(load.minutes(60, demand=0)) == {2}


def test_nothing_is_scaled_in_that_would_have_to_be_scaled_out_again(cloud: Cloud) -> None:
    """ "We will choose not to scale-in until the metric lowers enough that … won't cause oscillation": three at 33 %
    would be two at 49.5 %."""
    load = Load(cloud, least=1)
    load.minutes(40, demand=140)
    assert load.group.desired == 3
    assert set(load.minutes(60, demand=99)) == {3}
    assert set(load.minutes(60, demand=80)[20:]) == {2}


def test_a_load_that_flaps_is_no_reason_to_shrink(load: Load) -> None:
    """Ten minutes of quiet are not fifteen."""
    load.minutes(20, demand=160)
    assert load.group.desired == 4
    for _ in range(5):
        assert set(load.minutes(10, demand=20)) == {4}
        assert set(load.minutes(2, demand=160)) == {4}


def test_without_data_nothing_moves(load: Load) -> None:
    """ "Amazon EC2 Auto Scaling cannot scale your group until new data points are found"."""
    load.minutes(20, demand=160)
    for _ in range(30):
        load.cloud.alarms.minute(None, load.cloud.now)
    assert load.group.desired == 4


# --- what forbids it --------------------------------------------------------------------------------------


def test_scale_in_waits_for_every_warm_up(load: Load) -> None:
    load.minutes(20, demand=160)
    load.minutes(14, demand=10)
    load.cloud.policies.put(load.group, "cpu", CPU, 1800)
    load.cloud.engine.set_desired(load.group, 5)
    assert set(load.minutes(29, demand=10)) == {5}
    assert load.minutes(3, demand=10)[-1] < 5


def test_the_policys_own_warm_up_comes_before_the_groups_and_that_before_its_cooldown(cloud: Cloud) -> None:
    """PutScalingPolicy, EstimatedInstanceWarmup."""
    load = Load(cloud, cooldown=120)
    load.minutes(20, demand=10)

    def shrinks_after(**warmups: int | None) -> int:
        """Minutes for which an instance that has just come keeps the group from shrinking."""
        load.cloud.policies.put(load.group, "cpu", CPU, warmups["policy"])
        group_warmup = NO_WARMUP if warmups["group"] is None else warmups["group"]
        load.cloud.engine.update(load.group, GroupSettings(warmup=group_warmup))
        load.cloud.engine.set_desired(load.group, 5)
        return load.minutes(30, demand=10).index(4) + 1

    assert [
        shrinks_after(policy=600, group=300),
        shrinks_after(policy=None, group=300),
        shrinks_after(policy=None, group=None),
    ] == [10, 5, 2]


def test_protected_instances_stay_whatever_the_policy_says(cloud: Cloud) -> None:
    """Use instance scale-in protection: the desired capacity is decremented, and nobody terminated."""
    load = Load(cloud, least=1, desired=3, protect_new=True)
    load.minutes(40, demand=10)
    assert load.group.desired == 2
    assert len(load.group.live()) == 3


def test_a_suspended_process_and_a_disabled_policy_say_why_they_do_nothing(load: Load) -> None:
    load.group.suspended["AlarmNotification"] = "User suspended"
    assert set(load.minutes(5, demand=160)) == {2}
    assert load.cloud.alarms.sentences[-1] == "AlarmNotification of the AutoScalingGroup fleet is suspended."
    load.group.suspended.clear()
    load.cloud.policies.put(load.group, "cpu", CPU, None, enabled=False)
    assert set(load.minutes(5, demand=160)) == {2}
    assert load.cloud.alarms.sentences[-1] == "The scaling policy cpu is disabled."
    # "Can immediately initiate scaling actions if there are alarms currently in ALARM state".
    load.cloud.policies.put(load.group, "cpu", CPU, None)
    assert load.minute() == 4


def test_a_policy_obeys_no_alarm_but_its_own(load: Load) -> None:
    load.cloud.alarms.made["mine"] = {"AlarmName": "mine", "AlarmActions": [load.policy.arn]}
    load.cloud.alarms.states["mine"] = "OK"
    load.cloud.alarms.call("mine", 99.0, load.cloud.now)
    assert load.group.desired == 2
    assert "obeys no other" in load.cloud.alarms.sentences[-1]
    load.cloud.policies.delete(load.group, load.policy)
    load.cloud.alarms.call("mine", 99.0, load.cloud.now)
    assert "does not exist" in load.cloud.alarms.sentences[-1]


# --- several policies -------------------------------------------------------------------------------------


def two_policies(cloud: Cloud) -> Any:
    """A group of four with a policy for CPU and one for requests; call(side, cpu=, requests=) as their alarms do."""
    group = cloud.in_service(min_size=1, max_size=9, desired=4, warmup=0)
    policies = [cloud.policies.put(group, "cpu", CPU, None), cloud.policies.put(group, "requests", REQUESTS, None)]

    def call(side: Any, **values: float) -> int:
        for policy in policies:
            if policy.name in values:
                cloud.alarms.call(policy.alarms[side].name, values[policy.name], cloud.now)
        return group.desired

    return call


def test_the_policy_that_wants_most_is_followed(cloud: Cloud) -> None:
    """ "Chooses the policy that provides the largest capacity for both scale out and scale in"."""
    call = two_policies(cloud)
    assert call("High", cpu=99.0) == 8
    assert call("High", requests=1300.0) == 8


def test_all_policies_have_to_be_ready_to_scale_in(cloud: Cloud) -> None:
    call = two_policies(cloud)
    assert call("Low", cpu=5.0) == 4
    assert call("Low", requests=690.0) == 4
    assert call("Low", requests=100.0) == 3


# --- history, draining, refresh ---------------------------------------------------------------------------


def test_the_history_says_which_alarm_called_which_policy(load: Load) -> None:
    load.minutes(3 + LAG, demand=160)
    cause = load.group.activities[0].cause
    high = load.policy.alarms["High"].name
    assert (
        f"a monitor alarm {high} in state ALARM triggered policy cpu changing the desired capacity from 2 to 4."
        in cause
    )
    assert "increasing the capacity from 3 to 4." in cause
    load.minutes(40, demand=10)
    cause = load.group.activities[0].cause
    low = load.policy.alarms["Low"].name
    assert (
        f"a monitor alarm {low} in state ALARM triggered policy cpu changing the desired capacity from 3 to 2." in cause
    )
    assert "shrinking the capacity from 3 to 2." in cause


def test_what_is_scaled_in_drains_before_it_is_terminated(cloud: Cloud) -> None:
    """User guide, "Amazon EC2 Auto Scaling instance lifecycle"."""
    group = cloud.in_service(min_size=1, desired=3, max_size=4, warmup=0)
    policy = cloud.policies.put(group, "cpu", CPU, None)
    cloud.alarms.call(policy.alarms["Low"].name, 5.0, cloud.now)
    (leaving,) = ids(group, Lifecycle.TERMINATING)
    target = cloud.targets.target_state(TARGET_GROUP, leaving)
    assert target is not None
    assert target.state == "draining"
    for _ in range(10):
        cloud.tick(30)
        # The alarm goes on calling, and nobody else leaves before this one has.
        cloud.alarms.call(policy.alarms["Low"].name, 5.0, cloud.now)
        assert (group.desired, cloud.instances.states[leaving]) == (2, "running")
    cloud.targets.settle()
    cloud.tick()
    assert cloud.instances.states[leaving] == "shutting-down"


def test_a_refresh_and_the_policy_work_side_by_side(cloud: Cloud) -> None:
    """ "The scaling activities run in parallel" ("Instance refresh", considerations): what comes is new, and never more
    than the refresh may have at that size."""
    load = Load(cloud, least=4)
    load.demand = 320
    refresh = load.timeline.release(Preferences(100, 110, warmup=60, skip_matching=True))
    sizes = []
    while refresh.active:
        sizes.append(load.minute())
        assert len(load.group.live()) <= load.group.desired + 1
        assert len(sizes) < 60
    assert refresh.status == "Successful"
    assert sorted(sizes) == sizes
    assert sizes[-1] > 4
    load.minutes(30, demand=320)
    assert load.timeline.line() == "N" * 7


def test_a_refresh_keeps_what_was_scaled_out_and_load_that_is_gone_does_not_stop_it(cloud: Cloud) -> None:
    load = Load(cloud)
    load.minutes(20, demand=160)
    load.minutes(10, demand=10)
    refresh = load.timeline.release(Preferences(100, 110, warmup=60, skip_matching=True))
    sizes = []
    while refresh.active:
        sizes.append(load.minute())
        assert len(sizes) < 60
    assert (refresh.status, set(sizes)) == ("Successful", {4})
    load.timeline.least = 0
    load.minutes(20, demand=10)
    assert (load.group.desired, load.timeline.line()) == (2, "NN")
