"""A group under refresh in steps of ten seconds, told as a line of letters."""

from __future__ import annotations

import math

from localcloud.control_plane.autoscaling.model import Group, LaunchTemplateRef, Lifecycle
from localcloud.control_plane.autoscaling.refresh_model import Preferences, Refresh
from tests.unit.localcloud.autoscaling.cloud import LAUNCH_HOOK, TARGET_GROUP, Cloud

WARMUP = 30
RELEASE = Preferences(100, 110, warmup=WARMUP, skip_matching=True)


class Timeline:
    """A group that is refreshed in steps of ten seconds: machines boot, register and answer within one step."""

    def __init__(self, cloud: Cloud, size: int, desired: int | None = None, **changes: object) -> None:
        self.cloud = cloud
        self.alarms = cloud.alarms
        self.alarms.states["errors"] = "OK"
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
        self.new_version()
        self.least = math.ceil(self.group.desired * preferences.min_healthy / 100)
        return self.cloud.engine.start_refresh(self.group, preferences)

    def new_version(self) -> LaunchTemplateRef:
        versions = self.cloud.instances.template_versions
        versions.append({"ImageId": f"ami-{len(versions) + 1}", "InstanceType": "t3.micro"})
        return LaunchTemplateRef("lt-1", "", str(len(versions)))

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
