"""A fleet that is scaled out stays so, whatever is deployed: to shrink it is an outage at the worst of moments."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from rehearsal.scenarios.applications import Applications
from tests.cloud import Cloud, PlaybookRun
from tests.interruption import RunningPlaybook
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(900)

GROUP = "hello-wide-blue"
# As in inventories/local; one more than the smallest is "scaled out" already.
SMALLEST, SCALED_OUT = 2, 3
LOOK_SECONDS = 0.5


@dataclass
class Fleet:
    """A group that load, or somebody who knew that it would come, has scaled out."""

    cloud: Cloud
    seen: list[tuple[int, int]] = field(default_factory=list)
    """(desired, in service and healthy) of each look."""

    def run(self, playbook: str, **variables: Any) -> PlaybookRun:
        return self.cloud.playbook(playbook, variables={"env_name": "wide", **variables})

    def look(self) -> tuple[int, int]:
        (group,) = self.cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])[
            "AutoScalingGroups"
        ]
        serving = [item for item in group["Instances"] if item["LifecycleState"] == "InService"]
        return group["DesiredCapacity"], sum(item["HealthStatus"] == "Healthy" for item in serving)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at it again and again while something is deployed."""
        stop, self.seen = threading.Event(), []

        def watch() -> None:
            while not stop.wait(LOOK_SECONDS):
                self.seen.append(self.look())

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield
        finally:
            stop.set()
            watcher.join()


@pytest.fixture(scope="module")
def fleet(cloud: Cloud) -> Iterator[Fleet]:
    fleet = Fleet(cloud)
    first = fleet.run("site.yml")
    assert first.status == 0, first.output
    cloud.client("autoscaling").set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=SCALED_OUT)
    eventually(lambda: fleet.look() == (SCALED_OUT, SCALED_OUT), "the group is scaled out", 120)
    yield fleet
    gone = fleet.run("playbooks/teardown.yml", teardown_environment="wide")
    assert gone.status == 0, gone.output


def test_another_run_of_site_changes_nothing(fleet: Fleet) -> None:
    run = fleet.run("site.yml")
    assert (run.status, run.changed) == (0, 0), run.output
    assert fleet.look() == (SCALED_OUT, SCALED_OUT)


def test_a_changed_template_leaves_the_size_alone(fleet: Fleet) -> None:
    """Settings of the group itself: nothing is replaced, and nobody leaves."""
    with fleet.watched():
        run = fleet.run("site.yml", fleet_max_size=5, fleet_log_retention_days=3)
    assert run.status == 0, run.output
    assert run.changed > 0
    assert set(fleet.seen) == {(SCALED_OUT, SCALED_OUT)}


@pytest.mark.parametrize("playbook", ["playbooks/release.yml", "site.yml"])
def test_a_release_replaces_every_instance_and_loses_none(fleet: Fleet, tmp_path: Path, playbook: str) -> None:
    context = Applications(tmp_path).good(f"wide-{Path(playbook).stem}")
    with fleet.watched():
        run = fleet.run(playbook, image_context=str(context), fleet_max_size=5, fleet_log_retention_days=3)
    assert run.status == 0, run.output
    assert {desired for desired, _ in fleet.seen} == {SCALED_OUT}
    assert min(serving for _, serving in fleet.seen) >= SCALED_OUT
    assert fleet.look() == (SCALED_OUT, SCALED_OUT)


@pytest.mark.parametrize("playbook", ["release", "rollback"])
def test_a_release_awaits_an_instance_that_is_on_its_way_and_a_rollback_nobody(
    fleet: Fleet, tmp_path: Path, playbook: str
) -> None:
    """Load may scale out at the moment of a release: no reason to refuse it. One may go back from a sick fleet."""
    size = fleet.look()[0] + 1
    autoscaling = fleet.cloud.client("autoscaling")
    held = {"AutoScalingGroupName": GROUP, "LifecycleHookName": "held"}
    autoscaling.put_lifecycle_hook(**held, LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING")
    autoscaling.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=size)
    variables: dict[str, Any] = {"env_name": "wide"}
    if playbook == "release":
        variables["image_context"] = str(Applications(tmp_path).good("wide-meanwhile"))
    awaited = {"release": "FAILED - RETRYING: [local]: Gates | Read the group", "rollback": "Group UPDATE_IN_PROGRESS"}
    with RunningPlaybook(fleet.cloud, f"playbooks/{playbook}.yml", variables=variables) as run:
        run.read_until(awaited[playbook])
        # Whoever waits for it is abandoned; the next one is launched without. An update of the stack takes it away too.
        hooks = autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=GROUP)["LifecycleHooks"]
        if held["LifecycleHookName"] in {hook["LifecycleHookName"] for hook in hooks}:
            autoscaling.delete_lifecycle_hook(**held)
        outcome = run.finish()
    assert outcome.status == 0, outcome.output
    eventually(lambda: fleet.look() == (size, size), "every instance serves", 120)
