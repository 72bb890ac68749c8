"""What an alarm says: to people in a mail, to programs as JSON.

Both have the parts, names and order of what CloudWatch sends ("Notifying users on alarm changes", CloudWatch user
guide); sentences are our own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import botocore.session  # type: ignore[import-untyped, unused-ignore]

from localcloud.desired import AlarmAction

REGIONS: dict[str, str] = {
    region: described["description"]
    for partition in botocore.session.Session().get_component("data_loader").load_data("endpoints")["partitions"]
    for region, described in partition["regions"].items()
}
"""us-east-1 → US East (N. Virginia), as botocore's own table has them."""
ACTIONS = {"OK": "OKActions", "ALARM": "AlarmActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}


def subject(action: AlarmAction) -> str:
    return f'{action.alarm["StateValue"]}: "{action.alarm["AlarmName"]}" in {_region(action)}'


def text(action: AlarmAction) -> str:
    """The mail, without the footer that every message of a topic has."""
    alarm = action.alarm
    name, state, reason = alarm["AlarmName"], alarm["StateValue"], alarm.get("StateReason", "")
    moment = datetime.fromtimestamp(action.at, UTC)
    at = f"{moment:%A} {moment.day:02} {moment:%B, %Y %H:%M:%S} UTC"
    parts = [
        f'The Amazon CloudWatch alarm "{name}" in the {_region(action)} region is now in the {state} state, because '
        f'"{reason}" at "{at}".',
        _section(
            "Alarm Details",
            {
                "Name": name,
                "Description": alarm.get("AlarmDescription", ""),
                "State Change": f"{action.old_state} -> {state}",
                "Reason for State Change": reason,
                "Timestamp": at,
                "AWS Account": action.account,
                "Alarm Arn": alarm["AlarmArn"],
            },
        ),
        f"Threshold:\n- {threshold(alarm)}",
        _section("Monitored Metric" if "MetricName" in alarm else "Monitored Metrics", _metric(alarm)),
        _section("State Change Actions", {state: _arns(alarm.get(key)) for state, key in ACTIONS.items()}),
    ]
    return "\n\n".join(parts) + "\n"


def threshold(alarm: Mapping[str, Any]) -> str:
    """When it is in ALARM, in one sentence."""
    periods = alarm["EvaluationPeriods"]
    points = alarm.get("DatapointsToAlarm") or periods
    seconds = f"period(s) of {alarm['Period']} seconds" if alarm.get("Period") else "period(s)"
    return (
        f"The alarm is in the ALARM state when the metric is {alarm['ComparisonOperator']} "
        f"{float(alarm['Threshold'])} for at least {points} of the last {periods} {seconds}."
    )


def _metric(alarm: Mapping[str, Any]) -> dict[str, str]:
    missing = {"TreatMissingData": alarm.get("TreatMissingData", "missing")}
    if "MetricName" not in alarm:
        return {one["Id"]: one.get("Expression") or _of_statistic(one) for one in alarm.get("Metrics", ())} | missing
    dimensions = ", ".join(f"{one['Name']} = {one['Value']}" for one in alarm.get("Dimensions", ()))
    return {
        "MetricNamespace": alarm["Namespace"],
        "MetricName": alarm["MetricName"],
        "Dimensions": f"[{dimensions}]" if dimensions else "",
        "Period": f"{alarm['Period']} seconds",
        "Statistic": _statistic(alarm),
        "Unit": alarm.get("Unit", "not specified"),
        **missing,
    }


def _of_statistic(query: Mapping[str, Any]) -> str:
    measured = query["MetricStat"]
    dimensions = ", ".join(f"{one['Name']} = {one['Value']}" for one in measured["Metric"].get("Dimensions", ()))
    name = f"{measured['Metric']['Namespace']} {measured['Metric']['MetricName']}"
    return f"{name} [{dimensions}], {measured['Stat']} of {measured['Period']} seconds"


def _statistic(alarm: Mapping[str, Any]) -> str:
    return str(alarm.get("Statistic") or alarm.get("ExtendedStatistic", ""))


def _section(title: str, entries: Mapping[str, str]) -> str:
    width = max(len(name) for name in entries) + 2
    return "\n".join([f"{title}:", *(f"- {name + ':':<{width}} {value}".rstrip() for name, value in entries.items())])


def _arns(arns: Iterable[str] | None) -> str:
    return " ".join(f"[{arn}]" for arn in arns or ())


def _region(action: AlarmAction) -> str:
    return REGIONS.get(action.region, action.region)


def document(action: AlarmAction) -> dict[str, Any]:
    """What programs that are subscribed receive."""
    alarm = action.alarm
    trigger_names = "MetricName Namespace Unit Period EvaluationPeriods DatapointsToAlarm ComparisonOperator Threshold"
    trigger = {name: alarm[name] for name in trigger_names.split() if name in alarm}
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": action.account,
        "NewStateValue": alarm["StateValue"],
        "NewStateReason": alarm.get("StateReason", ""),
        "StateChangeTime": datetime.fromtimestamp(action.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000",
        "Region": _region(action),
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": action.old_state,
        **{key: list(alarm.get(key) or ()) for key in ACTIONS.values()},
        "Trigger": trigger
        | {
            "Statistic": _statistic(alarm),
            "Dimensions": [{"name": one["Name"], "value": one["Value"]} for one in alarm.get("Dimensions", ())],
            "TreatMissingData": alarm.get("TreatMissingData", "missing"),
        },
    }
