"""Instance refreshes as timelines: which instance is in which state when, and what serves meanwhile.

Sources: "How an instance refresh works in an Auto Scaling group" (EC2 Auto Scaling user guide) and RefreshPreferences
(API reference); `Alarms` stands for CloudWatch.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.control_plane.autoscaling.model import LaunchTemplateRef
from localcloud.control_plane.autoscaling.refresh_model import Preferences
from localcloud.desired import AlarmState
from localcloud.wire import AwsError
from tests.unit.localcloud.autoscaling.cloud import SCOPE, Cloud
from tests.unit.localcloud.autoscaling.timeline import RELEASE, WARMUP, Timeline

THREE = "OOOn OOON -OONn -OONN OONN -ONNn -ONNN ONNN -NNN NNN"
SIX = (
    "OOOOOOn OOOOOON -OOOOONn -OOOOONN OOOOONN -OOOONNn -OOOONNN OOOONNN -OOONNNn -OOONNNN OOONNNN -OONNNNn -OONNNNN "
    "OONNNNN -ONNNNNn -ONNNNNN ONNNNNN -NNNNNN NNNNNN"
)
SIX_BY_HALVES = "OOOOOOnnn OOOOOONNN ---OOONNNnnn ---OOONNNNNN OOONNNNNN ---NNNNNN NNNNNN"


@pytest.mark.parametrize(
    ("desired", "preferences", "expected"),
    [
        # 110 % of 3 and of 6 is no whole instance more: with both percentages set, one is launched first.
        (3, RELEASE, THREE),
        (6, RELEASE, SIX),
        (6, replace(RELEASE, max_healthy=150), SIX_BY_HALVES),
        # "if the minimum healthy percentage is set to 100 percent", new ones come first without a maximum too.
        (3, replace(RELEASE, max_healthy=None), THREE),
    ],
    ids=["three", "scaled out to six", "six, half more", "three, no maximum"],
)
def test_a_good_release(cloud: Cloud, desired: int, preferences: Preferences, expected: str) -> None:
    """MinHealthyPercentage and MaxHealthyPercentage, API reference; min 3, max 6. `step` looks at the minimum."""
    timeline = Timeline(cloud, 3, desired=desired)
    refresh = timeline.release(preferences)
    lines = timeline.run(refresh)
    assert lines == expected.split()
    assert (refresh.status, refresh.percentage, refresh.to_update) == ("Successful", 100, 0)
    assert timeline.group.desired == desired


def test_an_instance_is_replaced_when_its_replacement_is_healthy_and_warmed_up(cloud: Cloud) -> None:
    """InstanceWarmup, API reference: the next one waits for it, and so does the percentage."""
    timeline = Timeline(cloud, 3)
    refresh = timeline.release()
    (new,) = [member for i, member in timeline.group.members.items() if timeline.new(i)]
    while timeline.line() in ("OOOn", "OOON"):
        timeline.step()
    assert new.in_service_at is not None
    assert cloud.now - new.in_service_at >= WARMUP
    assert (timeline.line(), refresh.percentage) == ("-OONn", 0)
    timeline.step()
    assert (timeline.line(), refresh.percentage, refresh.to_update) == ("-OONN", 33, 2)


@pytest.mark.parametrize("desired", [3, 6])
def test_a_release_that_never_answers_fails_after_an_hour_and_takes_nothing(cloud: Cloud, desired: int) -> None:
    """It "continues to retry for up to 1 hour" (user guide); what served before serves all the way."""
    timeline = Timeline(cloud, 3, desired=desired)
    refresh = timeline.release(good=False)
    lines = timeline.run(refresh)
    old = "O" * desired
    assert lines == [f"{old}n", f"{old}-n", f"{old}--n", f"{old}--"]
    assert refresh.status == "Failed"
    assert "nothing could be replaced for 60 minutes" in refresh.reason
    assert (refresh.percentage, refresh.to_update) == (0, desired)


def test_a_release_that_abandons_its_hook_fails_and_says_so(cloud: Cloud) -> None:
    """User guide, "How lifecycle hooks work": an abandoned instance is terminated and another one launched."""
    timeline = Timeline(cloud, 3)
    refresh = timeline.release()
    while refresh.active:
        cloud.complete(timeline.group, "ABANDON")
        timeline.step()
    assert refresh.status == "Failed"
    assert "was abandoned" in refresh.reason
    assert timeline.line().startswith("OOO")


def test_the_way_back_replaces_the_new_ones_only(cloud: Cloud) -> None:
    """Skip matching (user guide): a version of the template that says the same needs no replacement."""
    timeline = Timeline(cloud, 3)
    refresh = timeline.release(replace(RELEASE, alarms=("errors",)))
    while "N" not in timeline.step():
        pass
    kept = [instance_id for instance_id in timeline.group.members if not timeline.new(instance_id)]
    timeline.alarms.states["errors"] = "ALARM"
    timeline.step()
    assert (refresh.status, refresh.reason) == ("Failed", "CloudWatch alarm errors entered the ALARM state.")
    versions = cloud.instances.template_versions
    versions.append(versions[0])
    back = cloud.engine.start_refresh(timeline.group, RELEASE)
    timeline.run(back)
    assert back.status == "Successful"
    assert set(kept) & set(timeline.group.members)
    assert all(versions[int(member.template.version) - 1] == versions[0] for member in timeline.group.members.values())


def test_nothing_to_replace_is_a_success_at_once(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3)
    before = list(timeline.group.members)
    refresh = cloud.engine.start_refresh(timeline.group, RELEASE)
    assert (refresh.status, refresh.total, list(timeline.group.members)) == ("Successful", 0, before)


@pytest.mark.parametrize("state", ["ALARM", "INSUFFICIENT_DATA"])
def test_an_alarm_that_is_not_ok_is_an_error_at_the_start(cloud: Cloud, state: AlarmState) -> None:
    timeline = Timeline(cloud, 3)
    timeline.alarms.states["errors"] = state
    with pytest.raises(AwsError, match=f"errors is in the {state} state"):
        timeline.release(replace(RELEASE, alarms=("errors",)))
    with pytest.raises(AwsError, match="errorz does not exist"):
        timeline.release(replace(RELEASE, alarms=("errorz",)))
    assert timeline.group.refreshes == []
    assert timeline.line() == "OOO"


def test_an_alarm_without_data_stops_the_refresh_until_it_is_ok(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3)
    refresh = timeline.release(replace(RELEASE, alarms=("errors",)))
    while "N" not in timeline.step():
        pass
    timeline.alarms.states["errors"] = "INSUFFICIENT_DATA"
    assert {timeline.step() for _ in range(20)} == {timeline.line()}
    assert refresh.active
    timeline.alarms.states["errors"] = "OK"
    assert timeline.run(refresh)[-1] == "NNN"


def test_an_alarm_while_it_bakes_fails_the_refresh(cloud: Cloud) -> None:
    """BakeTime, API reference."""
    timeline = Timeline(cloud, 3)
    refresh = timeline.release(replace(RELEASE, alarms=("errors",), bake=600))
    while timeline.step() != "NNN" or refresh.status != "Baking":
        assert refresh.active
    assert refresh.percentage == 100
    for _ in range(20):
        timeline.step()
    assert refresh.status == "Baking"
    timeline.alarms.states["errors"] = "ALARM"
    timeline.step()
    assert refresh.status == "Failed"


def test_the_bake_time_ends_the_refresh(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3)
    refresh = timeline.release(replace(RELEASE, bake=600))
    timeline.run(refresh)
    assert refresh.status == "Successful"
    assert refresh.baking_since is not None
    assert refresh.ended is not None
    assert refresh.ended - refresh.baking_since >= 600


def test_checkpoints_mean_at_least_so_many_percent_new_and_then_a_pause(cloud: Cloud) -> None:
    """User guide, "Add checkpoints to an instance refresh"."""
    timeline = Timeline(cloud, 4)
    refresh = timeline.release(replace(RELEASE, checkpoints=(50, 100), checkpoint_delay=600))
    while refresh.checkpoint_reached is None:
        timeline.step()
    timeline.step()
    assert timeline.line() == "OONN"
    reached = refresh.checkpoint_reached
    while refresh.checkpoint == 0:
        assert timeline.step().replace("-", "").startswith("OONN")
    assert cloud.now - reached >= 600
    assert timeline.run(refresh)[-1] == "NNNN"


def test_capacity_that_is_added_meanwhile_is_new(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3)
    refresh = timeline.release()
    timeline.step()
    cloud.engine.set_desired(timeline.group, 5)
    lines = timeline.run(refresh)
    assert lines[-1] == "NNNNN"
    assert all(line.count("O") + line.count("o") <= 3 for line in lines)


def test_an_instance_killed_meanwhile_is_replaced_by_a_new_one(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3)
    refresh = timeline.release()
    timeline.step()
    timeline.least -= 1
    cloud.instances.kill(next(iter(timeline.group.members)))
    assert timeline.run(refresh)[-1] == "NNN"
    assert refresh.status == "Successful"


def test_half_may_go_first_where_the_minimum_allows_it(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 4)
    refresh = timeline.release(Preferences(50, 100, warmup=WARMUP, skip_matching=True))
    lines = timeline.run(refresh)
    assert max(len(line.replace("-", "")) for line in lines) == 4
    assert lines[-1] == "NNNN"


def test_one_refresh_at_a_time_and_what_is_cancelled_stays_where_it_is(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3)
    refresh = timeline.release()
    with pytest.raises(AwsError) as refused:
        cloud.engine.start_refresh(timeline.group, RELEASE)
    assert refused.value.code == "InstanceRefreshInProgress"
    cloud.engine.cancel_refresh(timeline.group)
    assert (refresh.status, timeline.line()) == ("Cancelling", "OOOn")
    timeline.step()
    # The launch has come to its end; the surplus goes as in any scale-in, the oldest version first.
    assert (refresh.status, timeline.line()) == ("Cancelled", "-OON")
    for _ in range(10):
        timeline.step()
    assert len(timeline.group.members) == 3
    with pytest.raises(AwsError) as nothing:
        cloud.engine.cancel_refresh(timeline.group)
    assert nothing.value.code == "ActiveInstanceRefreshNotFound"


def test_a_desired_configuration_can_be_rolled_back(cloud: Cloud) -> None:
    """User guide, "Undo changes with a rollback": what was replaced already is replaced again."""
    timeline = Timeline(cloud, 3, template=LaunchTemplateRef("lt-1", "", "1"))
    cloud.instances.template_versions.append({"ImageId": "ami-2", "InstanceType": "t3.micro"})
    refresh = cloud.engine.start_refresh(timeline.group, RELEASE, LaunchTemplateRef("lt-1", "", "2"))
    while "N" not in timeline.step():
        pass
    cloud.engine.roll_back_refresh(timeline.group)
    assert refresh.status == "RollbackInProgress"
    assert timeline.run(refresh)[-1] == "OOO"
    assert refresh.status == "RollbackSuccessful"
    assert timeline.group.template.version == "1"
    assert cloud.engine.find(SCOPE, "fleet") is timeline.group
