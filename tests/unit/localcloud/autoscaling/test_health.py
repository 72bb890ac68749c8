"""What is unhealthy, from when on, and what is done about it.

Sources: EC2 Auto Scaling user guide, "Health checks for instances in an Auto Scaling group", "Set the health check
grace period for an Auto Scaling group", "Instance maintenance policies".
"""

from __future__ import annotations

from localcloud.control_plane.autoscaling.model import HEALTHY, UNHEALTHY, Lifecycle, MaintenancePolicy
from tests.unit.localcloud.autoscaling.cloud import LAUNCH_HOOK, TARGET_GROUP, Cloud, ids, states

LAUNCH_FIRST = MaintenancePolicy(100, 110)


def test_an_instance_that_ec2_has_lost_is_replaced_at_once_even_in_its_grace_period(cloud: Cloud) -> None:
    group = cloud.group(grace_period=600)
    cloud.settle()
    lost = next(iter(group.members))
    cloud.instances.kill(lost)
    cloud.tick()
    assert lost not in group.members
    assert len(group.members) == 2
    assert any("an EC2 health check indicating it has been terminated or stopped" in a.cause for a in group.activities)
    assert any("an unhealthy instance needing to be replaced" in a.cause for a in group.activities)


def test_an_instance_lost_while_it_waits_for_its_hook_is_replaced(cloud: Cloud) -> None:
    group = cloud.group(hooks=[LAUNCH_HOOK])
    lost = next(iter(group.members))
    cloud.instances.kill(lost)
    cloud.tick()
    assert lost not in group.members
    assert len(group.members) == 2


def test_a_failing_target_counts_only_after_the_grace_period(cloud: Cloud) -> None:
    """The grace period starts when the instance enters InService."""
    group = cloud.group(grace_period=60)
    cloud.settle()
    ill = next(iter(group.members))
    cloud.targets.report(TARGET_GROUP, ill, "unhealthy")
    cloud.tick(59)
    assert group.members[ill].health == HEALTHY
    cloud.tick(1)
    assert group.members[ill].health == UNHEALTHY
    assert any("an ELB system health check failure" in a.cause for a in group.activities)


def test_without_elb_health_checks_a_failing_target_stays(cloud: Cloud) -> None:
    group = cloud.in_service(health_check_types=["EC2"])
    ill = next(iter(group.members))
    cloud.targets.report(TARGET_GROUP, ill, "unhealthy")
    cloud.tick()
    assert group.members[ill].health == HEALTHY


def test_targets_that_are_not_yet_or_no_more_asked_are_not_failing(cloud: Cloud) -> None:
    group = cloud.in_service()
    for state in ("initial", "unused", "draining", "unavailable"):
        cloud.targets.report(TARGET_GROUP, next(iter(group.members)), state)
        cloud.tick()
    assert {member.health for member in group.members.values()} == {HEALTHY}


def test_without_a_maintenance_policy_the_unhealthy_goes_while_its_replacement_comes(cloud: Cloud) -> None:
    """Default behaviour for a health check failure: terminate and launch."""
    group = cloud.in_service()
    ill = next(iter(group.members))
    cloud.targets.report(TARGET_GROUP, ill, "unhealthy")
    cloud.tick()
    assert group.members[ill].lifecycle is Lifecycle.TERMINATING
    assert states(group).count("Pending") == 1


def test_with_a_maintenance_policy_the_replacement_is_ready_before_the_unhealthy_goes(cloud: Cloud) -> None:
    """It "first launches a new instance and then waits for it to be fully ready before terminating the unhealthy"."""
    group = cloud.in_service(maintenance=LAUNCH_FIRST, warmup=30)
    ill = next(iter(group.members))
    cloud.targets.report(TARGET_GROUP, ill, "unhealthy")
    cloud.tick()
    assert sorted(states(group)) == ["InService", "InService", "Pending"]
    cloud.instances.settle()
    cloud.tick()
    assert states(group) == ["InService"] * 3
    cloud.tick(29)
    assert group.members[ill].lifecycle is Lifecycle.IN_SERVICE
    cloud.tick(1)
    assert group.members[ill].lifecycle is Lifecycle.TERMINATING
    assert len(group.live()) == 2


def test_what_does_not_run_is_not_kept_for_a_maintenance_policy(cloud: Cloud) -> None:
    group = cloud.in_service(maintenance=LAUNCH_FIRST)
    lost = next(iter(group.members))
    cloud.instances.kill(lost)
    cloud.tick()
    assert lost not in group.members


def test_set_instance_health_respects_the_grace_period_when_told_to(cloud: Cloud) -> None:
    """API reference, SetInstanceHealth.ShouldRespectGracePeriod."""
    group = cloud.group(grace_period=600)
    cloud.settle()
    member = group.members[next(iter(group.members))]
    cloud.engine.set_health(group, member, UNHEALTHY, respect_grace=True)
    assert member.lifecycle is Lifecycle.IN_SERVICE
    cloud.engine.set_health(group, member, UNHEALTHY, respect_grace=False)
    assert ids(group, Lifecycle.TERMINATING) == [member.instance_id]
