"""Groups, stacks and CloudWatch, and processors as busy as a file says."""

from __future__ import annotations

import time
from collections.abc import Callable

from localcloud.control_plane.cloudwatch import service as cloudwatch
from localcloud.desired import Measurement
from localcloud.settings import Settings
from tests.contract import groups
from tests.contract.scaling.utilisation import ACCOUNT, FILE, GROUP, REGION


def install(settings: Settings) -> Callable[[], None]:
    alarms = cloudwatch.install(settings)
    reconcile_groups = groups.install(settings, alarms)
    published = alarms.time.minute(time.time())

    def publish(minute: int) -> None:
        value = (settings.state_dir / FILE).read_text()
        at, dimensions = alarms.time.begin(minute), {"AutoScalingGroupName": GROUP}
        if value:
            measurement = Measurement("AWS/EC2", "CPUUtilization", dimensions, at, {float(value): 1}, "Percent")
            alarms.publish(ACCOUNT, REGION, [measurement])

    def reconcile() -> None:
        nonlocal published
        now = time.time()
        reconcile_groups()
        for minute in range(published, alarms.time.minute(now)):
            publish(minute)
        published = alarms.time.minute(now)
        alarms.tick(now)

    return reconcile
