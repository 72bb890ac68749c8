"""The way of an instance through its states.

Source: EC2 Auto Scaling user guide, "Amazon EC2 Auto Scaling instance lifecycle" and "How lifecycle hooks work in
Auto Scaling groups": https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html
"""

from __future__ import annotations

import pytest

from localcloud.control_plane.autoscaling.model import LAUNCHING, TERMINATING, Hook, Lifecycle
from localcloud.control_plane.autoscaling.settings import GroupSettings
from localcloud.wire import AwsError
from tests.unit.localcloud.autoscaling.cloud import LAUNCH_HOOK, SCOPE, TARGET_GROUP, Cloud, ids, states


def test_without_a_hook_a_running_instance_is_registered_and_in_service(cloud: Cloud) -> None:
    group = cloud.group()
    assert states(group) == ["Pending", "Pending"]
    cloud.settle()
    assert states(group) == ["InService", "InService"]
    assert set(cloud.targets.groups[TARGET_GROUP]) == set(group.members)


def test_a_launch_hook_holds_the_instance_and_the_load_balancer_does_not_see_it(cloud: Cloud) -> None:
    """Overview, step 3: it is registered with the load balancer before it reaches InService, and not earlier."""
    group = cloud.group(hooks=[LAUNCH_HOOK])
    cloud.settle()
    assert states(group) == ["Pending:Wait", "Pending:Wait"]
    assert not cloud.targets.groups[TARGET_GROUP]
    cloud.complete(group)
    cloud.settle()
    assert states(group) == ["InService", "InService"]
    assert set(cloud.targets.groups[TARGET_GROUP]) == set(group.members)


def test_an_abandoned_launch_is_terminated_and_replaced(cloud: Cloud) -> None:
    """Knowledge center, "Lifecycle Action … was abandoned: Lifecycle Action Completed with ABANDON Result"."""
    group = cloud.group(hooks=[LAUNCH_HOOK])
    first = set(group.members)
    cloud.complete(group, "ABANDON")
    cloud.settle()
    cloud.tick(60)
    assert len(group.members) == 2
    assert not first & set(group.members)
    cancelled = [a for a in group.activities if a.status == "Cancelled"]
    assert len(cancelled) == 2
    assert "was abandoned: Lifecycle Action Completed with ABANDON Result" in cancelled[0].message


def test_an_abandoned_launch_is_not_tried_again_at_every_tick(cloud: Cloud) -> None:
    group = cloud.group(hooks=[LAUNCH_HOOK])
    cloud.complete(group, "ABANDON")
    cloud.settle()
    cloud.tick(1)
    assert not group.members


@pytest.mark.parametrize(("default", "expected"), [("ABANDON", set()), ("CONTINUE", {"InService"})])
def test_the_default_result_is_carried_out_when_the_heartbeat_times_out(
    cloud: Cloud, default: str, expected: set[str]
) -> None:
    group = cloud.group(hooks=[Hook("launch", LAUNCHING, 300, default)])
    cloud.settle()
    cloud.tick(299)
    assert states(group) == ["Pending:Wait", "Pending:Wait"]
    cloud.tick(1)
    first = [a for a in group.activities if a.message]
    cloud.settle()
    assert set(states(group)) - {"Pending:Wait"} == expected
    if default == "ABANDON":
        assert all("was abandoned: Heartbeat Timeout" in activity.message for activity in first)


def test_a_heartbeat_extends_the_wait_by_its_timeout_but_not_beyond_the_global_one(cloud: Cloud) -> None:
    """API reference, RecordLifecycleActionHeartbeat and LifecycleHook.GlobalTimeout: 100 heartbeats at most."""
    group = cloud.group(hooks=[Hook("launch", LAUNCHING, 30)], min_size=1)
    cloud.settle()
    (member,) = group.members.values()
    (wait,) = member.waits
    for _ in range(120):
        cloud.tick(25)
        if not member.waits:
            break
        cloud.engine.heartbeat(group, wait)
    assert cloud.now == pytest.approx(1_000_000 + 3000)


def test_completing_twice_is_an_error(cloud: Cloud) -> None:
    group = cloud.group(hooks=[LAUNCH_HOOK], min_size=1)
    (instance,) = group.members
    member, wait = cloud.engine.wait(group, "launch", instance, None)
    cloud.engine.complete(group, member, wait, "CONTINUE")
    with pytest.raises(AwsError, match="No active Lifecycle Action found with instance ID"):
        cloud.engine.wait(group, "launch", instance, None)


def test_scale_in_deregisters_drains_and_only_then_terminates(cloud: Cloud) -> None:
    """Overview: "the terminating instance is first deregistered … waits for existing connections to drain"."""
    group = cloud.in_service(max_size=2, min_size=1, desired=2)
    cloud.engine.set_desired(group, 1)
    (leaving,) = ids(group, Lifecycle.TERMINATING)
    draining = cloud.targets.target_state(TARGET_GROUP, leaving)
    assert draining is not None
    assert draining.state == "draining"
    cloud.tick(100)
    assert cloud.instances.instance_state(leaving) == "running"
    cloud.targets.settle()
    cloud.tick()
    assert cloud.instances.instance_state(leaving) == "shutting-down"
    cloud.settle()
    assert leaving not in group.members


def test_a_termination_hook_comes_after_the_drain(cloud: Cloud) -> None:
    group = cloud.in_service(min_size=1, desired=1, hooks=[Hook("bye", TERMINATING, 60, "CONTINUE")])
    (instance,) = group.members
    cloud.engine.update(group, GroupSettings(min_size=0, max_size=0))
    assert states(group) == ["Terminating"]
    cloud.targets.settle()
    cloud.tick()
    assert states(group) == ["Terminating:Wait"]
    assert cloud.instances.instance_state(instance) == "running"
    cloud.complete(group)
    assert cloud.instances.instance_state(instance) == "shutting-down"


def test_forced_deletion_waits_for_neither_drain_nor_hooks(cloud: Cloud) -> None:
    """API reference, DeleteAutoScalingGroup.ForceDelete: "also deletes any outstanding lifecycle actions"."""
    group = cloud.in_service()
    with pytest.raises(AwsError, match="while there are instances"):
        cloud.engine.delete(group, force=False)
    cloud.engine.delete(group, force=True)
    assert set(cloud.instances.states.values()) == {"shutting-down"}
    cloud.instances.settle()
    cloud.tick()
    assert cloud.engine.find(SCOPE, "fleet") is None
    assert [name for name, _ in cloud.engine.history(SCOPE)] == ["fleet"] * 4


def test_a_stack_that_deletes_a_group_drains_it_first(cloud: Cloud) -> None:
    group = cloud.in_service()
    cloud.engine.shrink_to_nothing(group)
    assert states(group) == ["Terminating", "Terminating"]
    cloud.settle()
    assert cloud.engine.find(SCOPE, "fleet") is None
