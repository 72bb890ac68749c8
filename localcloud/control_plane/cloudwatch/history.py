"""What happened to alarms, as DescribeAlarmHistory tells it; of an alarm that is deleted, too."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.control_plane.cloudwatch.alarms import Alarm, State
from localcloud.control_plane.cloudwatch.reasons import iso
from localcloud.control_plane.cloudwatch.store import Scope

MOST_ITEMS = 5000
"""In one account and region: beyond, the oldest are forgotten."""
VERSION = "1.0"


@dataclass(frozen=True)
class Item:
    """One AlarmHistoryItem. `at` in Unix time."""

    alarm: str
    at: float
    kind: str
    summary: str
    data: Mapping[str, Any]

    def view(self) -> dict[str, Any]:
        return {
            "AlarmName": self.alarm,
            "AlarmType": "MetricAlarm",
            "Timestamp": self.at,
            "HistoryItemType": self.kind,
            "HistorySummary": self.summary,
            "HistoryData": json.dumps({"version": VERSION, **self.data}),
        }


class History:
    """Whoever uses it holds `control_plane.lock.LOCK`."""

    def __init__(self) -> None:
        self._items: dict[Scope, deque[Item]] = {}

    def items(self, scope: Scope) -> list[Item]:
        """The oldest first."""
        return list(self._items.get(scope, ()))

    def configured(self, alarm: Alarm, change: str, at: float) -> None:
        """`change` is Create, Update or Delete."""
        done = {"Create": "created", "Update": "updated", "Delete": "deleted"}[change]
        data = {"type": change, f"{done}Alarm": {**alarm.configuration(), "StateValue": alarm.state.value}}
        self._add(alarm, at, "ConfigurationUpdate", f'Alarm "{alarm.name}" {done}', data)

    def moved(self, alarm: Alarm, old: State, at: float) -> None:
        """The alarm is in its new state already."""
        summary = f"Alarm updated from {old.value} to {alarm.state.value}"
        self._add(alarm, at, "StateUpdate", summary, {"oldState": _told(old), "newState": _told(alarm.state)})

    def acted(self, alarm: Alarm, action: str, at: float, failure: str) -> None:
        """`failure` is empty when the action was done."""
        summary = f"{'Failed to execute' if failure else 'Successfully executed'} action {action}"
        data = {
            "actionState": "Failed" if failure else "Succeeded",
            "stateUpdateTimestamp": iso(alarm.updated_at),
            "notificationResource": action,
            **({"error": failure} if failure else {}),
        }
        self._add(alarm, at, "Action", summary, data)

    def _add(self, alarm: Alarm, at: float, kind: str, summary: str, data: Mapping[str, Any]) -> None:
        items = self._items.setdefault(alarm.scope, deque(maxlen=MOST_ITEMS))
        items.append(Item(alarm.name, at, kind, summary, data))


def _told(state: State) -> dict[str, Any]:
    data = {} if state.data is None else {"stateReasonData": state.data}
    return {"stateValue": state.value, "stateReason": state.reason, **data}
