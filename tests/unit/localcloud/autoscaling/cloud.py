"""A group service whose clock, machines and load balancer the test moves."""

from __future__ import annotations

from typing import Any

from localcloud.control_plane.autoscaling.engine import AutoScaling
from localcloud.control_plane.autoscaling.model import LAUNCHING, Group, Hook, LaunchTemplateRef, Lifecycle, World
from localcloud.control_plane.autoscaling.scaling import ScalingPolicies
from localcloud.control_plane.autoscaling.settings import GroupSettings
from tests.unit.localcloud.autoscaling.fakes import FakeAlarms, FakeInstances, FakeTargets

SCOPE = ("000000000000", "us-east-1")
TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/blue/1"
LAUNCH_HOOK = Hook("launch", LAUNCHING, heartbeat_timeout=300)


class Cloud:
    """A group service with a clock that the test moves, EC2 and ELB that do what it says."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.instances = FakeInstances()
        self.targets = FakeTargets(TARGET_GROUP)
        self.alarms = FakeAlarms()
        world = World(self.instances, self.targets, self.alarms)
        self.engine = AutoScaling(world, clock=lambda: self.now)
        self.policies = ScalingPolicies(self.engine)
        self.alarms.on_action("autoscaling", self.policies.act)

    def group(self, **changes: Any) -> Group:
        values: dict[str, Any] = {
            "min_size": 2,
            "max_size": 4,
            "template": LaunchTemplateRef("lt-1", "", "$Latest"),
            "subnets": ["subnet-a", "subnet-b"],
            "health_check_types": ["ELB"],
            "target_groups": [TARGET_GROUP],
        }
        return self.engine.create(SCOPE, "fleet", GroupSettings(**(values | changes)))

    def tick(self, seconds: float = 1) -> None:
        self.now += seconds
        self.engine.tick(self.now)

    def settle(self) -> None:
        """Machines and load balancer do what they were told, the group goes on; hooks stay open."""
        for _ in range(4):
            self.instances.settle()
            self.targets.settle()
            self.tick(0)

    def complete(self, group: Group, result: str = "CONTINUE") -> None:
        for member in list(group.members.values()):
            for wait in list(member.waits):
                self.engine.complete(group, member, wait, result)

    def in_service(self, **changes: Any) -> Group:
        """A group whose instances serve, past grace period and warm-up."""
        group = self.group(**changes)
        self.settle()
        self.complete(group)
        self.settle()
        assert set(states(group)) <= {"InService"}
        self.tick(10_000)
        return group


def states(group: Group) -> list[str]:
    return [str(member.lifecycle) for member in group.members.values()]


def ids(group: Group, *lifecycles: Lifecycle) -> list[str]:
    return [i for i, member in group.members.items() if not lifecycles or member.lifecycle in lifecycles]
