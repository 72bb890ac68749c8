"""A client's view of CloudWatch, in a cloud where a minute lasts a second."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, TypeVar

from localcloud.settings import Settings
from tests.cloud import aws_client
from tests.contract.monitoring.actions import ACTIONS

SCALE = 60.0
MINUTE = 60 / SCALE
TOPIC = "arn:aws:sns:us-east-1:000000000000:alerts"
POLICY = "arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:1:autoScalingGroupName/fleet:policyName/out"

T = TypeVar("T")


@dataclass
class Account:
    endpoint: str
    settings: Settings
    _clients: dict[str, Any] = field(default_factory=dict)

    def __getattr__(self, service: str) -> Any:
        """`account.cloudwatch` is a client of the service."""
        if service not in self._clients:
            self._clients[service] = aws_client(self.endpoint, service)
        return self._clients[service]

    def actions(self, alarm: str) -> list[list[Any]]:
        """What the alarm has called: [action, old state, new state, repeated, value]."""
        file = self.settings.state_dir / ACTIONS
        lines = file.read_text().splitlines() if file.exists() else []
        return [rest for name, *rest in map(json.loads, lines) if name == alarm]

    def alarm(self, name: str) -> Any:
        return self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]
