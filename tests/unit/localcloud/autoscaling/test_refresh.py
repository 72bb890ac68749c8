"""Instance refreshes as timelines: which instance is in which state when, and what serves meanwhile.

Sources: "How an instance refresh works in an Auto Scaling group" (EC2 Auto Scaling user guide) and RefreshPreferences
(API reference); `Alarms` stands for CloudWatch.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from localcloud.control_plane.autoscaling.model import Group, LaunchTemplateRef, Lifecycle
from localcloud.control_plane.autoscaling.refresh_model import Preferences, Refresh
from localcloud.desired import AlarmState
from localcloud.wire import AwsError
from tests.unit.localcloud.autoscaling.cloud import LAUNCH_HOOK, SCOPE, TARGET_GROUP, Cloud

WARMUP = 30
RELEASE = Preferences(100, 110, warmup=WARMUP, skip_matching=True)


class SetAlarms:
    """CloudWatch, in the states that the test sets."""

    def __init__(self, **states: AlarmState) -> None:
        self.states = dict(states)

    def state(self, account: str, region: str, alarm: str) -> AlarmState | None:
        return self.states.get(alarm)


class Timeline:
    """A group that is refreshed in steps of ten seconds: machines boot, register and answer within one step."""

    def __init__(self, cloud: Cloud, size: int, desired: int | None = None, **changes: object) -> None:
        self.cloud = cloud
        self.alarms = SetAlarms(errors="OK")
        cloud.engine.world = replace(cloud.engine.world, alarms=self.alarms)
        self.group: Group = cloud.in_service(
            **({"min_size": size, "max_size": 2 * size, "warmup": WARMUP, "hooks": [LAUNCH_HOOK]} | changes)
        )
        if desired:
            cloud.engine.set_desired(self.group, desired)
            self._boot()
            cloud.tick(10_000)
        self.good = True
        self.least = 0

    def _boot(self) -> None:
        self.cloud.settle()
        self.cloud.complete(self.group)
        self.cloud.settle()

    def release(self, preferences: Preferences = RELEASE, good: bool = True) -> Refresh:
        """A new version of the launch template; a bad one starts, and never answers the load balancer."""
        self.good = good
        versions = self.cloud.instances.template_versions
        versions.append({"ImageId": f"ami-{len(versions) + 1}", "InstanceType": "t3.micro"})
        self.least = math.ceil(self.group.desired * preferences.min_healthy / 100)
        return self.cloud.engine.start_refresh(self.group, preferences)

    def new(self, instance_id: str) -> bool:
        return int(self.group.members[instance_id].template.version) == len(self.cloud.instances.template_versions)

    def line(self) -> str:
        """Old and new instances: `O`/`N` serves, `o`/`n` boots, `-` leaves; in the order of their launch."""
        letters = []
        for instance_id, member in self.group.members.items():
            letter = "N" if self.new(instance_id) else "O"
            if not member.live:
                letters.append("-")
            else:
                letters.append(letter if self.serves(instance_id) else letter.lower())
        return "".join(letters)

    def serves(self, instance_id: str) -> bool:
        health = self.cloud.targets.target_state(TARGET_GROUP, instance_id)
        in_service = self.group.members[instance_id].lifecycle is Lifecycle.IN_SERVICE
        return in_service and health is not None and health.state == "healthy"

    def step(self) -> str:
        self.cloud.instances.settle()
        self.cloud.complete(self.group)
        for instance_id, health in list(self.cloud.targets.groups[TARGET_GROUP].items()):
            if health.state == "draining":
                del self.cloud.targets.groups[TARGET_GROUP][instance_id]
            elif health.state == "initial":
                answers = self.good or not self.new(instance_id)
                self.cloud.targets.report(TARGET_GROUP, instance_id, "healthy" if answers else "unhealthy")
        self.cloud.tick(10)
        serving = sum(self.serves(instance_id) for instance_id in self.group.members)
        assert serving >= self.least, f"{serving} of at least {self.least} serve: {self.line()}"
        return self.line()

    def run(self, refresh: Refresh, steps: int = 400) -> list[str]:
        """The distinct states until the refresh has ended."""
        lines = [self.line()]
        for _ in range(steps):
            line = self.step()
            if line != lines[-1]:
                lines.append(line)
            if not refresh.active:
                return lines
        raise AssertionError(f"{refresh.status} after {steps} steps: {lines}")


def test_a_group_of_three_launches_one_before_it_terminates_one(cloud: Cloud) -> None:
    """110 % of 3 is 3: with both percentages set, a group too small for them launches first."""
    timeline = Timeline(cloud, 3)
    refresh = timeline.release()
    lines = timeline.run(refresh)
    assert (refresh.status, refresh.percentage) == ("Successful", 100)
    assert max(len(line.replace("-", "")) for line in lines) == 4
    assert lines[0] == "OOOn"
    assert lines[-1] == "NNN"
    # One at a time: never two that boot, and each waits for its warm-up.
    assert all(line.count("n") <= 1 for line in lines)
    assert refresh.ended is not None
    assert refresh.ended - refresh.started >= 3 * WARMUP


def test_a_group_scaled_out_to_six_keeps_its_six(cloud: Cloud) -> None:
    timeline = Timeline(cloud, 3, desired=6)
    refresh = timeline.release(replace(RELEASE, max_healthy=150))
    lines = timeline.run(refresh)
    assert lines[0] == "OOOOOOnnn"
    assert lines[-1] == "NNNNNN"
    assert timeline.group.desired == 6


@pytest.mark.parametrize("desired", [None, 6])
def test_a_release_that_never_answers_fails_after_an_hour_and_takes_nothing(cloud: Cloud, desired: int | None) -> None:
    """It "continues to retry for up to 1 hour" (user guide); what served before serves all the way."""
    timeline = Timeline(cloud, 3, desired=desired)
    refresh = timeline.release(good=False)
    lines = timeline.run(refresh)
    assert refresh.status == "Failed"
    assert "nothing could be replaced for 60 minutes" in refresh.reason
    assert all(line.count("O") == (desired or 3) for line in lines)


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
    assert refresh.status == "Cancelled"
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
