"""Which instances must be replaced.

Source: "Health checks for instances in an Auto Scaling group" and "Set the health check grace period for an Auto
Scaling group" (EC2 Auto Scaling user guide). An instance that EC2 says is not running is unhealthy at once, grace
period or not; a load balancer's `unhealthy` counts from the end of the grace period, which starts at InService.
"""

from __future__ import annotations

from localcloud.control_plane.autoscaling.model import HEALTHY, UNHEALTHY, Lifecycle, Member, Step

EC2_GONE = "in response to an EC2 health check indicating it has been terminated or stopped"
ELB_FAILED = "in response to an ELB system health check failure"
USER_SAID = "in response to a user health-check"


def in_grace(step: Step, member: Member) -> bool:
    return member.in_service_at is None or not step.has_passed(step.group.grace_period, member.in_service_at)


def mark_unhealthy(member: Member, cause: str) -> None:
    if member.health == HEALTHY:
        member.health = UNHEALTHY
        member.unhealthy_cause = cause


def check(step: Step) -> None:
    """Marks, never terminates."""
    if "HealthCheck" in step.group.suspended:
        return
    for member in step.group.members.values():
        if not member.live:
            continue
        state = step.world.instances.instance_state(member.instance_id)
        if state not in ("pending", "running"):
            member.lost = True
            mark_unhealthy(member, EC2_GONE)
        elif (
            "ELB" in step.group.health_check_types
            and member.lifecycle is Lifecycle.IN_SERVICE
            and not in_grace(step, member)
            and _target_unhealthy(step, member)
        ):
            mark_unhealthy(member, ELB_FAILED)


def _target_unhealthy(step: Step, member: Member) -> bool:
    """One failing target group is enough (user guide: "considers the instance unhealthy if any … reports")."""
    for target_group in step.target_groups():
        health = step.world.targets.target_state(target_group, member.instance_id)
        if health is not None and health.state == "unhealthy":
            return True
    return False
