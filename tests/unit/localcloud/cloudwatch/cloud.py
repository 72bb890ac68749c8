"""CloudWatch with a clock that the test moves, in which minutes are numbered from 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.control_plane.cloudwatch.engine import CloudWatch
from localcloud.control_plane.cloudwatch.periods import AwsTime
from localcloud.desired import AlarmAction, Measurement

ACCOUNT, REGION = SCOPE = "000000000000", "us-east-1"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
POLICY = f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scalingPolicy:1:autoScalingGroupName/fleet:policyName/out"
START = 1_800_000_000
"""A moment at which a minute begins, at every scale used."""


class Cloud:
    def __init__(self, scale: float = 1) -> None:
        self.minute = 60 / scale
        self.now = float(START)
        self.cloudwatch = CloudWatch(AwsTime(lambda seconds: seconds / scale), lambda: self.now)
        self.actions: list[AlarmAction] = []
        self.failure = ""
        for service in ("sns", "autoscaling"):
            self.cloudwatch.on_action(service, self._act)

    def _act(self, action: AlarmAction) -> str:
        self.actions.append(action)
        return self.failure

    def put(self, name: str = "alarm", **changed: Any) -> None:
        given: dict[str, Any] = {
            "AlarmName": name,
            "Namespace": "test",
            "MetricName": "load",
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 10,
            "ComparisonOperator": "GreaterThanThreshold",
            **changed,
        }
        values = {key: value for key, value in given.items() if value is not None}
        self.cloudwatch.put(*SCOPE, values)

    def measure(
        self,
        value: float | Mapping[float, int],
        late: int = 0,
        name: str = "load",
        unit: str = "None",
        **dimensions: str,
    ) -> None:
        """In this minute, or `late` minutes ago."""
        values = value if isinstance(value, Mapping) else {value: 1}
        at = self.now - late * self.minute
        self.cloudwatch.publish(*SCOPE, [Measurement("test", name, dimensions, at, values, unit)])

    def pass_minutes(self, number: float = 1) -> None:
        """A tick at its end, as the reconciler does it."""
        self.now += number * self.minute
        self.cloudwatch.tick(self.now)

    def state(self, name: str = "alarm") -> str | None:
        return self.cloudwatch.state(*SCOPE, name)

    def view(self, name: str = "alarm") -> dict[str, Any]:
        return self.cloudwatch.alarms(SCOPE)[name].view()

    def history(self) -> list[str]:
        return [item.summary for item in self.cloudwatch.history.items(SCOPE)]
