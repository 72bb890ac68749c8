"""Sizes of groups, and whose usage counts in a group's metrics ("Set the default instance warmup", user guide)."""

from __future__ import annotations

from localcloud.control_plane.autoscaling.metrics import GroupMetrics, chosen
from tests.unit.localcloud.autoscaling.cloud import LAUNCH_HOOK, SCOPE, Cloud


def aggregated(cloud: Cloud, ago: float = 0) -> dict[str, tuple[tuple[str, str], str]]:
    return GroupMetrics(cloud.engine).aggregated_members(cloud.now - ago)


def test_every_instance_is_counted_in_its_state(cloud: Cloud) -> None:
    group = cloud.group(desired=2, metrics=chosen(None, "1Minute"), hooks=[LAUNCH_HOOK])
    cloud.settle()
    ((scope, name, values),) = GroupMetrics(cloud.engine).group_metrics()
    assert (scope, name) == (SCOPE, "fleet")
    assert (values["GroupMinSize"], values["GroupDesiredCapacity"], values["GroupMaxSize"]) == (2, 2, 4)
    assert (values["GroupPendingInstances"], values["GroupInServiceInstances"]) == (2, 0)
    cloud.complete(group)
    cloud.settle()
    cloud.engine.set_desired(group, 3)
    member = next(iter(group.members.values()))
    cloud.engine.terminate(group, member, decrement=False)
    cloud.tick()
    ((_, _, values),) = GroupMetrics(cloud.engine).group_metrics()
    counts = [values[f"Group{state}Instances"] for state in ("InService", "Pending", "Terminating", "Total")]
    assert counts == [1, 2, 1, 4]
    assert [values[f"Group{state}Capacity"] for state in ("InService", "Pending", "Terminating", "Total")] == counts


def test_only_what_is_collected_is_told(cloud: Cloud) -> None:
    cloud.in_service(metrics=["GroupDesiredCapacity"])
    ((_, _, values),) = GroupMetrics(cloud.engine).group_metrics()
    assert values == {"GroupDesiredCapacity": 2}
    (group,) = cloud.engine.groups(SCOPE)
    group.metrics = []
    assert GroupMetrics(cloud.engine).group_metrics() == []


def test_an_instance_counts_when_it_is_warm_and_for_as_long_as_it_serves(cloud: Cloud) -> None:
    group = cloud.group(warmup=100)
    cloud.settle()
    assert aggregated(cloud) == {}
    cloud.tick(99)
    assert aggregated(cloud) == {}
    cloud.tick(1)
    assert aggregated(cloud) == dict.fromkeys(group.members, (SCOPE, "fleet"))
    assert aggregated(cloud, ago=1) == {}, "not in a minute that began before"
    leaving = next(iter(group.members.values()))
    cloud.engine.terminate(group, leaving, decrement=False)
    assert leaving.instance_id not in aggregated(cloud)


def test_without_a_warm_up_it_counts_from_the_moment_it_is_in_service(cloud: Cloud) -> None:
    group = cloud.group(hooks=[LAUNCH_HOOK])
    cloud.settle()
    assert aggregated(cloud) == {}
    cloud.complete(group)
    cloud.settle()
    assert set(aggregated(cloud)) == set(group.members)
