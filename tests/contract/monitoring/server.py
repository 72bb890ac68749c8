"""CloudWatch and stacks, with actions that are written to a file instead of done."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from localcloud.control_plane.cloudformation import service as cloudformation
from localcloud.control_plane.cloudwatch import service as cloudwatch
from localcloud.desired import AlarmAction
from localcloud.settings import Settings
from tests.contract.monitoring.actions import ACTIONS, FAILING


def install(settings: Settings) -> Callable[[], None]:
    alarms = cloudwatch.install(settings)
    cloudformation.install(settings, alarms)

    def act(action: AlarmAction) -> str:
        with (settings.state_dir / ACTIONS).open("a") as file:
            entry = (action.alarm["AlarmName"], action.action_arn, action.old_state, action.alarm["StateValue"])
            file.write(json.dumps([*entry, action.repeated, action.value]) + "\n")
        return "it cannot be done" if action.action_arn.endswith(FAILING) else ""

    for service in ("sns", "autoscaling"):
        alarms.on_action(service, act)
    return lambda: alarms.tick(time.time())
