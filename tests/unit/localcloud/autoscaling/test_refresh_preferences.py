"""What a caller may ask of an instance refresh, and what each of the preferences does.

Sources: RefreshPreferences, CancelInstanceRefresh, RollbackInstanceRefresh, InstanceRefresh (EC2 Auto Scaling API
reference); "UpdatePolicy attribute" (CloudFormation template reference).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from localcloud.control_plane.autoscaling import refresh_requests
from localcloud.control_plane.autoscaling.model import LaunchTemplateRef, MaintenancePolicy
from localcloud.wire import AwsError
from tests.unit.localcloud.autoscaling.cloud import TARGET_GROUP, Cloud
from tests.unit.localcloud.autoscaling.timeline import RELEASE, Timeline

FIRST = LaunchTemplateRef("lt-1", "", "1")


def test_without_a_maximum_an_instance_goes_while_its_replacement_comes(cloud: Cloud) -> None:
    """MaxHealthyPercentage: "When MaxHealthyPercentage is omitted, Auto Scaling terminates an instance and launches
    its replacement simultaneously." """
    timeline = Timeline(cloud, 3)
    asked = refresh_requests.preferences({"MinHealthyPercentage": 90, "InstanceWarmup": 30}, None)
    refresh = timeline.release(asked)
    timeline.least = 2
    assert timeline.run(refresh) == ["-OOn", "-OON", "OON", "-ONn", "-ONN", "ONN", "-NNn", "-NNN", "NNN"]


@pytest.mark.parametrize(
    ("values", "policy", "bounds"),
    [
        ({}, None, (90, None)),
        ({}, MaintenancePolicy(100, 120), (100, 120)),
        ({"MinHealthyPercentage": 50}, None, (50, None)),
        ({"MinHealthyPercentage": 50, "MaxHealthyPercentage": 100}, MaintenancePolicy(100, 120), (50, 100)),
    ],
)
def test_percentages_left_out_are_the_maintenance_policys(
    values: dict[str, Any], policy: MaintenancePolicy | None, bounds: tuple[int, int | None]
) -> None:
    asked = refresh_requests.preferences(values, policy)
    assert (asked.min_healthy, asked.max_healthy) == bounds


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"MaxHealthyPercentage": 120}, "MaxHealthyPercentage needs MinHealthyPercentage"),
        ({"MinHealthyPercentage": 0, "MaxHealthyPercentage": 200}, "by at most 100"),
        ({"MinHealthyPercentage": 101}, "from 0 to 100, not 101"),
        ({"CheckpointDelay": 60}, "CheckpointDelay needs CheckpointPercentages"),
        ({"CheckpointPercentages": [50, 20, 100]}, "must ascend"),
        ({"BakeTime": 172_801}, "BakeTime must be from 0 to 172800"),
        ({"AlarmSpecification": {"Alarms": [str(number) for number in range(11)]}}, "up to 10 alarms, not 11"),
        ({"ScaleInProtectedInstances": "Terminate"}, "one of Refresh, Ignore, Wait, not Terminate"),
        ({"StandbyInstances": "Refresh"}, "one of Terminate, Ignore, Wait, not Refresh"),
        ({"Patience": 1}, "localcloud does not support the preference Patience yet"),
    ],
)
def test_what_cannot_be_asked_is_refused(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AwsError, match=sentence):
        refresh_requests.preferences(values, None)


def test_an_alarm_specification_without_alarms_is_none() -> None:
    every: list[dict[str, Any]] = [{}, {"Alarms": []}, {"Alarms": [""]}]
    for given in every:
        assert refresh_requests.preferences({"AlarmSpecification": given}, None).alarms == ()


def test_protected_instances_are_waited_for_and_then_it_fails(cloud: Cloud) -> None:
    """ScaleInProtectedInstances, Wait: "waits one hour for you to remove scale-in protection"."""
    timeline = Timeline(cloud, 3, protect_new=True)
    refresh = timeline.release()
    assert timeline.run(refresh) == ["OOO"]
    assert refresh.status == "Failed"


def test_protected_instances_go_when_their_protection_does(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3, protect_new=True)
    refresh = timeline.release()
    timeline.step()
    for member in timeline.group.members.values():
        member.protected = False
    assert timeline.run(refresh)[-1] == "NNN"


def test_protected_instances_are_left_out_or_replaced_where_that_is_asked(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3, protect_new=True)
    next(iter(timeline.group.members.values())).protected = False
    ignoring = timeline.release(replace(RELEASE, protected="Ignore"))
    assert timeline.run(ignoring)[-1] == "OON"
    assert (ignoring.status, ignoring.total) == ("Successful", 1)
    refreshing = timeline.release(replace(RELEASE, protected="Refresh"))
    assert timeline.run(refreshing)[-1] == "NNN"


def test_targets_that_fail_for_a_moment_do_not_cost_the_fleet(cloud: Cloud) -> None:
    """MinHealthyPercentage is what keeps the operation from going on; a target group without any healthy target
    sends requests to all ("Target group health", Elastic Load Balancing), so these instances do serve."""
    timeline = Timeline(cloud, 3, grace_period=600)
    old = list(timeline.group.members)
    for instance_id in old:
        cloud.targets.report(TARGET_GROUP, instance_id, "unhealthy")
        timeline.group.members[instance_id].in_service_at = cloud.now
    refresh = timeline.release()
    timeline.least = 0
    assert timeline.line() == "ooon"
    for instance_id in old:
        cloud.targets.report(TARGET_GROUP, instance_id, "healthy")
    assert timeline.run(refresh)[-1] == "NNN"


def test_waiting_for_an_alarms_data_is_no_lack_of_progress(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3)
    refresh = timeline.release(replace(RELEASE, alarms=("errors",)))
    timeline.step()
    timeline.alarms.states["errors"] = "INSUFFICIENT_DATA"
    for _ in range(400):
        timeline.step()
    timeline.alarms.states["errors"] = "OK"
    timeline.run(refresh)
    assert refresh.status == "Successful"


def test_an_alarm_that_disappears_fails_the_refresh(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3)
    refresh = timeline.release(replace(RELEASE, alarms=("errors",)))
    del timeline.alarms.states["errors"]
    timeline.step()
    assert (refresh.status, refresh.reason) == ("Failed", "CloudWatch alarm errors was not found.")


def test_capacity_that_is_added_meanwhile_counts_as_no_replacement(cloud: Cloud) -> None:
    """PercentageComplete, InstancesToUpdate: of the instances that are to be replaced."""
    timeline = Timeline(cloud, 3)
    refresh = timeline.release()
    cloud.engine.set_desired(timeline.group, 5)
    while refresh.active:
        assert refresh.to_update >= timeline.step().count("O")
    assert (timeline.line(), refresh.percentage) == ("NNNNN", 100)


def test_capacity_that_is_taken_away_meanwhile_is_an_old_one(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3, desired=5)
    refresh = timeline.release()
    timeline.least = 3
    cloud.engine.set_desired(timeline.group, 3)
    assert timeline.run(refresh)[-1] == "NNN"
    assert (refresh.status, refresh.percentage) == ("Successful", 100)


def test_the_desired_configuration_becomes_the_groups_when_the_refresh_succeeds(cloud: Cloud) -> None:
    """DesiredConfiguration, API: "Once the instance refresh succeeds, … updates the settings of the Auto Scaling
    group"."""
    timeline = Timeline(cloud, 3, template=FIRST)
    second = timeline.new_version()
    refresh = cloud.engine.start_refresh(timeline.group, RELEASE, second)
    timeline.step()
    assert timeline.group.template.version == "1"
    assert timeline.run(refresh)[-1] == "NNN"
    assert timeline.group.template.version == "2"


def test_a_desired_configuration_that_fails_leaves_the_groups_own(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3, template=FIRST)
    timeline.good = False
    refresh = cloud.engine.start_refresh(timeline.group, RELEASE, timeline.new_version())
    timeline.run(refresh)
    assert (refresh.status, timeline.group.template.version) == ("Failed", "1")
    cloud.instances.kill(next(iter(timeline.group.members)))
    for _ in range(3):
        timeline.step()
    assert "n" not in timeline.line()


def test_a_rollback_of_its_own_leads_back_by_itself(cloud: Cloud) -> None:
    """AutoRollback; RollbackDetails; "This value gradually goes back down to zero during a rollback"."""
    timeline = Timeline(cloud, 3, template=FIRST)
    asked = replace(RELEASE, alarms=("errors",), auto_rollback=True)
    refresh = cloud.engine.start_refresh(timeline.group, asked, timeline.new_version())
    while refresh.replaced < 2:
        timeline.step()
    timeline.alarms.states["errors"] = "ALARM"
    timeline.step()
    assert (refresh.status, refresh.percentage, refresh.to_update) == ("RollbackInProgress", 66, 1)
    seen = [refresh.percentage]
    while refresh.active:
        timeline.step()
        seen.append(refresh.percentage)
    assert (refresh.status, seen[-1]) == ("RollbackSuccessful", 0)
    assert seen == sorted(seen, reverse=True)
    assert "".join(sorted(timeline.line())) == "OOO"
    shown = refresh_requests.describe(timeline.group, refresh)
    assert shown["RollbackDetails"] == {
        "RollbackReason": "CloudWatch alarm errors entered the ALARM state.",
        "RollbackStartTime": pytest.approx(cloud.now, abs=1000),
        "PercentageCompleteOnRollback": 66,
        "InstancesToUpdateOnRollback": 1,
    }


@pytest.mark.parametrize("version", ["$Latest", "$Default"])
def test_a_group_without_a_version_number_cannot_be_rolled_back(cloud: Cloud, version: str) -> None:
    """RollbackInstanceRefresh: not where the group uses $Latest or $Default, nor without a desired configuration."""
    timeline = Timeline(cloud, 3, template=LaunchTemplateRef("lt-1", "", version))
    second = timeline.new_version()
    with pytest.raises(AwsError) as refused:
        cloud.engine.start_refresh(timeline.group, replace(RELEASE, auto_rollback=True), second)
    assert refused.value.code == "IrreversibleInstanceRefresh"
    assert timeline.group.refreshes == []
    cloud.engine.start_refresh(timeline.group, RELEASE, second)
    with pytest.raises(AwsError) as refused:
        cloud.engine.roll_back_refresh(timeline.group)
    assert refused.value.code == "IrreversibleInstanceRefresh"


def test_cancelling_without_waiting_ends_it_at_once(cloud: Cloud) -> None:
    """WaitForTransitioningInstances, API."""
    timeline = Timeline(cloud, 3)
    refresh = timeline.release()
    cloud.engine.cancel_refresh(timeline.group, wait=False)
    assert (refresh.status, timeline.line()) == ("Cancelled", "OOO-")


def test_a_group_that_is_deleted_ends_its_refresh(cloud: Cloud) -> None:
    """So that a stack that waits for it is told."""
    timeline = Timeline(cloud, 3)
    refresh = timeline.release()
    cloud.engine.delete(timeline.group, force=True)
    assert (refresh.status, refresh.reason) == ("Cancelled", "The Auto Scaling group is being deleted.")
