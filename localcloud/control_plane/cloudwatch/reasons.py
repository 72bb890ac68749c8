"""StateReason and StateReasonData in the words that AWS uses.

The words are not documented; they are those of alarm mails and of DescribeAlarms as people have published them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from localcloud.control_plane.cloudwatch.alarms import Alarm
from localcloud.control_plane.cloudwatch.evaluation import COMPARISONS, Verdict
from localcloud.control_plane.cloudwatch.queries import DataPoint, MetricStat

_FILLED = {"breaching": "Breaching", "notBreaching": "NonBreaching", "ignore": "Ignored", "missing": "Missing"}


def reason(alarm: Alarm, verdict: Verdict[DataPoint]) -> str:
    """Why the alarm is in the state that the verdict has."""
    if verdict.state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {_data_points(verdict.filled)} {_be(verdict.filled)} unknown."
    filled = f"{verdict.filled} missing {_data_points(verdict.filled)[len(str(verdict.filled)) + 1 :]}"
    filled += f" {_be(verdict.filled)} treated as [{_FILLED[alarm.treat_missing_data]}]"
    if not verdict.breaching and not verdict.fine:
        periods = "1 period" if verdict.filled == 1 else f"{verdict.filled} periods"
        return f"Threshold Crossed: no datapoints were received for {periods} and {filled}."
    alarming = verdict.state == "ALARM"
    points = verdict.breaching if alarming else verdict.fine or verdict.breaching
    negated = "" if points is verdict.breaching else "not "
    words = COMPARISONS[alarm.parameters["ComparisonOperator"]][0]
    said = f"Threshold Crossed: {_count(alarm, len(points))} [{', '.join(map(_point, points))}] {_be(len(points))} "
    said += f"{negated}{words} the threshold ({alarm.parameters['Threshold']})"
    if verdict.filled:
        said += f" and {filled}"
    return f"{said}{_minimum(alarm, alarming)}."


def reason_data(alarm: Alarm, verdict: Verdict[DataPoint], now: float) -> dict[str, Any]:
    points = sorted([*verdict.breaching, *verdict.fine], key=lambda point: -point.at)
    data: dict[str, Any] = {"version": "1.0", "queryDate": iso(now)}
    if points:
        data["startDate"] = iso(points[-1].at)
    source = alarm.watched.source
    if isinstance(source, MetricStat):
        data["statistic"] = source.statistic
        if source.unit:
            data["unit"] = source.unit
    return {
        **data,
        "period": alarm.watched.period,
        "recentDatapoints": [point.value for point in reversed(points)],
        "threshold": alarm.parameters["Threshold"],
        "evaluatedDatapoints": [
            {
                "timestamp": iso(point.at),
                **({} if point.sample_count is None else {"sampleCount": point.sample_count}),
                "value": point.value,
            }
            for point in points
        ],
    }


def iso(at: float) -> str:
    """As AWS writes moments in JSON texts: 2019-05-02T16:59:00.000+0000."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def _count(alarm: Alarm, number: int) -> str:
    if "DatapointsToAlarm" in alarm.parameters:
        return f"{number} out of the last {alarm.evaluation_periods} datapoints"
    return _data_points(number)


def _minimum(alarm: Alarm, alarming: bool) -> str:
    if "DatapointsToAlarm" not in alarm.parameters:
        return ""
    if alarming:
        return f" (minimum {_data_points(alarm.datapoints_to_alarm)} for OK -> ALARM transition)"
    needed = alarm.evaluation_periods - alarm.datapoints_to_alarm + 1
    return f" (minimum {_data_points(needed)} for ALARM -> OK transition)"


def _point(point: DataPoint) -> str:
    return f"{point.value} ({datetime.fromtimestamp(point.at, UTC).strftime('%d/%m/%y %H:%M:%S')})"


def _data_points(number: int) -> str:
    return "1 datapoint" if number == 1 else f"{number} datapoints"


def _be(number: Sequence[Any] | int) -> str:
    return "was" if number == 1 else "were"
