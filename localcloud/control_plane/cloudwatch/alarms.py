"""Records of alarms, and how the API shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from localcloud.control_plane.cloudwatch.queries import Queries, Query
from localcloud.desired import AlarmState

ACTIONS: dict[AlarmState, str] = {
    "OK": "OKActions",
    "ALARM": "AlarmActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


@dataclass(frozen=True)
class State:
    """What an alarm is in, and why. `data` is StateReasonData."""

    value: AlarmState
    reason: str
    data: Mapping[str, Any] | None = None


UNCHECKED = State("INSUFFICIENT_DATA", "Unchecked: Initial alarm creation")


@dataclass
class Alarm:
    """One metric alarm. Moments are Unix time; `period` is seconds of AWS time."""

    account: str
    region: str
    name: str
    parameters: Mapping[str, Any]
    """Those of PutMetricAlarm, checked, without tags."""
    queries: Queries
    configured_at: float
    tags: dict[str, str] = field(default_factory=dict)
    state: State = UNCHECKED
    updated_at: float = 0.0
    evaluated: int | None = None
    """The last minute it was evaluated in; None: not yet, as it is."""
    failures: dict[str, str] = field(default_factory=dict)
    """Action → why it could not be done the last time it was called; empty when it was."""

    @property
    def scope(self) -> tuple[str, str]:
        return self.account, self.region

    @property
    def arn(self) -> str:
        return alarm_arn(self.account, self.region, self.name)

    @property
    def watched(self) -> Query:
        """The query that is held against the threshold."""
        return self.queries.returned[0]

    @property
    def evaluation_periods(self) -> int:
        return int(self.parameters["EvaluationPeriods"])

    @property
    def datapoints_to_alarm(self) -> int:
        return int(self.parameters.get("DatapointsToAlarm") or self.evaluation_periods)

    @property
    def treat_missing_data(self) -> str:
        """ "Alarms that evaluate metrics in the AWS/DynamoDB namespace default to ignore missing data" (user guide)."""
        default = "ignore" if self.parameters.get("Namespace") == "AWS/DynamoDB" else "missing"
        return str(self.parameters.get("TreatMissingData") or default)

    def actions(self) -> Sequence[str]:
        """ARNs of what is done in the state that the alarm is in; none while they are disabled."""
        if not self.parameters.get("ActionsEnabled", True):
            return ()
        found: Sequence[str] = self.parameters.get(ACTIONS[self.state.value]) or ()
        return found

    def configuration(self) -> dict[str, Any]:
        """The members of MetricAlarm that PutMetricAlarm sets."""
        defaults: dict[str, Any] = {"ActionsEnabled": True, **{name: [] for name in ACTIONS.values()}}
        if "Metrics" not in self.parameters:
            defaults["Dimensions"] = []
        return {"AlarmName": self.name, "AlarmArn": self.arn, **defaults, **self.parameters}

    def view(self) -> dict[str, Any]:
        """MetricAlarm."""
        return {
            **self.configuration(),
            "AlarmConfigurationUpdatedTimestamp": self.configured_at,
            "StateValue": self.state.value,
            "StateReason": self.state.reason,
            "StateReasonData": None if self.state.data is None else json.dumps(self.state.data),
            "StateUpdatedTimestamp": self.updated_at,
            "StateTransitionedTimestamp": self.updated_at,
        }


def alarm_arn(account: str, region: str, name: str) -> str:
    return f"arn:aws:cloudwatch:{region}:{account}:alarm:{name}"


def name_of(alarm: str) -> str:
    """Of an alarm given by name or ARN."""
    return alarm.split(":", 6)[6] if alarm.startswith("arn:") and alarm.count(":") >= 6 else alarm
