"""The API of alarms: parameters in, results out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from localcloud.control_plane.cloudwatch.alarms import Alarm, State
from localcloud.control_plane.cloudwatch.engine import CloudWatch
from localcloud.control_plane.cloudwatch.paging import page, unix
from localcloud.control_plane.cloudwatch.queries import invalid
from localcloud.control_plane.cloudwatch.store import Metric, Scope
from localcloud.wire import AwsError

Values = dict[str, Any]


class AlarmOperations:
    """One method per operation, called under the lock with the caller's account and region."""

    NAMES = (
        "DeleteAlarms",
        "DescribeAlarmHistory",
        "DescribeAlarms",
        "DescribeAlarmsForMetric",
        "DisableAlarmActions",
        "EnableAlarmActions",
        "PutMetricAlarm",
        "SetAlarmState",
    )

    def __init__(self, cloudwatch: CloudWatch, scope: Callable[[], Scope]) -> None:
        self.cloudwatch = cloudwatch
        self._scope = scope

    def PutMetricAlarm(self, values: Values) -> None:
        self.cloudwatch.put(*self._scope(), values)

    def DeleteAlarms(self, values: Values) -> None:
        self.cloudwatch.delete(*self._scope(), values["AlarmNames"])

    def DescribeAlarms(self, values: Values) -> Values:
        for name in ("ChildrenOfAlarmName", "ParentsOfAlarmName"):
            if values.get(name):
                raise invalid(f"localcloud does not support {name}: there are no composite alarms yet")
        names, prefix = values.get("AlarmNames"), values.get("AlarmNamePrefix")
        if names and prefix:
            raise invalid("AlarmNames and AlarmNamePrefix exclude each other.")
        wanted = "MetricAlarm" in (values.get("AlarmTypes") or ["MetricAlarm"])
        found = [
            alarm.view()
            for alarm in self._alarms()
            if wanted
            and (not names or alarm.name in names)
            and alarm.name.startswith(prefix or "")
            and values.get("StateValue") in (None, alarm.state.value)
            and _acts(alarm, values.get("ActionPrefix"))
        ]
        return {"CompositeAlarms": [], **page("MetricAlarms", found, values, 100 if names else 50)}

    def DescribeAlarmsForMetric(self, values: Values) -> Values:
        metric = Metric.of(values)
        same = ("Statistic", "ExtendedStatistic", "Period", "Unit")
        found = [
            alarm.view()
            for alarm in self._alarms()
            if "MetricName" in alarm.parameters
            and Metric.of(alarm.parameters) == metric
            and all(values[name] == alarm.parameters.get(name) for name in same if name in values)
        ]
        return {"MetricAlarms": found}

    def DescribeAlarmHistory(self, values: Values) -> Values:
        if values.get("AlarmContributorId"):
            raise invalid("localcloud does not support AlarmContributorId yet")
        first = unix(values["StartDate"]) if "StartDate" in values else float("-inf")
        last = unix(values["EndDate"]) if "EndDate" in values else float("inf")
        found = [
            item.view()
            for item in self.cloudwatch.history.items(self._scope())
            if values.get("AlarmName") in (None, item.alarm)
            and values.get("HistoryItemType") in (None, item.kind)
            and "MetricAlarm" in (values.get("AlarmTypes") or ["MetricAlarm"])
            and first <= item.at <= last
        ]
        if values.get("ScanBy") != "TimestampAscending":
            found.reverse()
        return page("AlarmHistoryItems", found, values, 100)

    def SetAlarmState(self, values: Values) -> None:
        """ "The alarm returns to its actual state quickly": at the next evaluation (API reference)."""
        alarm = self.cloudwatch.alarms(self._scope()).get(values["AlarmName"])
        if alarm is None:
            raise AwsError("ResourceNotFound", f"There is no alarm {values['AlarmName']}", 404)
        try:
            data = json.loads(values["StateReasonData"]) if values.get("StateReasonData") else None
        except ValueError as error:
            raise AwsError("InvalidFormat", f"StateReasonData is not JSON: {error}") from error
        state = State(values["StateValue"], values["StateReason"], data)
        self.cloudwatch.move(alarm, state, self.cloudwatch.clock())

    def EnableAlarmActions(self, values: Values) -> None:
        self._enable(values, True)

    def DisableAlarmActions(self, values: Values) -> None:
        self._enable(values, False)

    def _enable(self, values: Values, enabled: bool) -> None:
        for alarm in self._alarms():
            if alarm.name in values["AlarmNames"]:
                self.cloudwatch.enable_actions(alarm, enabled)

    def _alarms(self) -> list[Alarm]:
        return list(self.cloudwatch.alarms(self._scope()).values())


def _acts(alarm: Alarm, prefix: str | None) -> bool:
    lists = (alarm.parameters.get(name) or () for name in ("AlarmActions", "OKActions", "InsufficientDataActions"))
    return not prefix or any(arn.startswith(prefix) for arns in lists for arn in arns)
