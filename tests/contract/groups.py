"""Groups and stacks over instances and targets in memory, and alarms that a file names unless there are real ones.

Every tick a pending instance begins to run, a new target is healthy and a draining one is gone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ministack.services import ec2

from localcloud.control_plane.autoscaling import service as autoscaling
from localcloud.control_plane.cloudformation import service as cloudformation
from localcloud.control_plane.ec2 import launch_templates
from localcloud.desired import Alarms, AlarmState, LaunchRefused
from localcloud.settings import Settings
from tests.contract.stacks.fleet import ALARMS, MUTE
from tests.unit.localcloud.autoscaling.fakes import FakeAlarms, FakeInstances, FakeTargets

GONE = "ami-gone"
"""An image that no instance can be launched from."""


class Instances(FakeInstances):
    """Subnets and launch templates are those of the API."""

    def subnet_zone(self, subnet_id: str, account: str, region: str) -> str | None:
        subnet = ec2._subnets.get_scoped(account, region, subnet_id)
        return subnet["AvailabilityZone"] if subnet else None

    def launch_template(
        self, template_id: str | None, name: str | None, version: str, account: str, region: str
    ) -> tuple[str, str, int, Mapping[str, Any]] | None:
        return launch_templates.resolve(template_id, name, version, account, region)

    def launch_instance(self, launch_template_data: Mapping[str, Any], *rest: Any) -> str:
        if launch_template_data["ImageId"] == GONE:
            raise LaunchRefused(f"The image id '[{GONE}]' does not exist")
        return super().launch_instance(launch_template_data, *rest)


class Targets(FakeTargets):
    """Any target group exists."""

    def __init__(self, instances: Instances) -> None:
        super().__init__()
        self._instances = instances

    def target_group_exists(self, target_group_arn: str) -> bool:
        self.groups.setdefault(target_group_arn, {})
        return True

    def settle(self) -> None:
        super().settle()
        for arn, targets in self.groups.items():
            for instance_id in list(targets):
                if self._instances.launched_from[instance_id]["ImageId"] == MUTE:
                    self.report(arn, instance_id, "unhealthy")


class StatedAlarms(FakeAlarms):
    """In the states that the file has for them at this moment."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def state(self, account: str, region: str, alarm: str) -> AlarmState | None:
        states: dict[str, AlarmState] = json.loads(self._file.read_text()) if self._file.exists() else {}
        return states.get(alarm.rpartition(":")[2]) or super().state(account, region, alarm)


def install(settings: Settings, alarms: Alarms | None = None) -> Callable[[], None]:
    instances = Instances()
    targets = Targets(instances)
    alarms = alarms or StatedAlarms(settings.state_dir / ALARMS)
    engine = autoscaling.install(settings, instances, targets, alarms)
    cloudformation.install(settings, alarms)

    def reconcile() -> None:
        instances.settle()
        engine.tick(time.time())
        targets.settle()

    return reconcile
