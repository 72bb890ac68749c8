"""What an alarm's mail says, of alarms on one metric and on an expression."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.control_plane.sns import alarm_text
from localcloud.desired import AlarmAction

TOPIC = "arn:aws:sns:eu-central-1:111122223333:alerts"
ALARM: dict[str, Any] = {
    "AlarmName": "hello-production-errors",
    "AlarmArn": "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:hello-production-errors",
    "StateValue": "OK",
    "StateReason": "Threshold Crossed.",
    "OKActions": [TOPIC],
    "EvaluationPeriods": 3,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}
METRIC = {
    "Namespace": "AWS/ApplicationELB",
    "MetricName": "TargetResponseTime",
    "Dimensions": [{"Name": "LoadBalancer", "Value": "app/h/1"}, {"Name": "TargetGroup", "Value": "targetgroup/h/2"}],
    "Period": 60,
    "ExtendedStatistic": "p99",
    "Unit": "Seconds",
}
EXPRESSION = {
    "Metrics": [
        {"Id": "share", "Expression": "100 * errors / requests", "ReturnData": True},
        {
            "Id": "errors",
            "MetricStat": {
                "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": "HTTPCode_Target_5XX_Count"},
                "Period": 60,
                "Stat": "Sum",
            },
        },
    ]
}


def action(alarm: dict[str, Any], region: str = "eu-central-1") -> AlarmAction:
    return AlarmAction(TOPIC, "111122223333", region, ALARM | alarm, "ALARM", 1793584927.0)


def test_the_subject_names_the_region_as_people_do() -> None:
    assert alarm_text.subject(action(METRIC)) == 'OK: "hello-production-errors" in Europe (Frankfurt)'
    assert alarm_text.subject(action(METRIC, "xx-north-9")).endswith(" in xx-north-9")


def test_one_metric() -> None:
    lines = alarm_text.text(action(METRIC)).splitlines()
    rule = "GreaterThanOrEqualToThreshold 1.0 for at least 3 of the last 3 period(s) of 60 seconds."
    assert f"- The alarm is in the ALARM state when the metric is {rule}" in lines
    found = {line[2:].partition(":")[0]: line.partition(":")[2].strip() for line in lines if line.startswith("- ")}
    assert found["State Change"] == "ALARM -> OK"
    assert found["Timestamp"] == "Monday 02 November, 2026 02:02:07 UTC"
    assert found["Dimensions"] == "[LoadBalancer = app/h/1, TargetGroup = targetgroup/h/2]"
    assert (found["Statistic"], found["Unit"], found["TreatMissingData"]) == ("p99", "Seconds", "notBreaching")
    assert (found["OK"], found["ALARM"]) == (f"[{TOPIC}]", "")


@pytest.mark.parametrize("part", ["share:", "100 * errors / requests", "errors:", "HTTPCode_Target_5XX_Count"])
def test_an_expression_is_told_with_what_it_is_made_of(part: str) -> None:
    section = alarm_text.text(action(EXPRESSION)).partition("Monitored Metrics:\n")[2]
    assert part in section.partition("\n\n")[0]


def test_programs_get_times_and_states_of_their_own() -> None:
    told = alarm_text.document(action(METRIC))
    assert told["StateChangeTime"] == "2026-11-02T02:02:07.000+0000"
    assert (told["OldStateValue"], told["NewStateValue"]) == ("ALARM", "OK")
    assert (told["Trigger"]["Statistic"], told["Trigger"]["Period"]) == ("p99", 60)
