"""StateReason as AWS writes it: the sentences are those of alarm mails that people have published."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.localcloud.cloudwatch.cloud import Cloud

THREE_OF_THREE = {"EvaluationPeriods": 3}
ONE_OF_TWO = {"EvaluationPeriods": 2, "DatapointsToAlarm": 1}


def moment(cloud: Cloud, minutes_ago: int) -> str:
    return datetime.fromtimestamp(cloud.now - minutes_ago * 60, UTC).strftime("%d/%m/%y %H:%M:%S")


@pytest.mark.parametrize(
    ("changed", "values", "reason"),
    [
        ({}, [20], "Threshold Crossed: 1 datapoint [20.0 ({1})] was greater than the threshold (10.0)."),
        ({}, [3], "Threshold Crossed: 1 datapoint [3.0 ({1})] was not greater than the threshold (10.0)."),
        (
            THREE_OF_THREE | {"ComparisonOperator": "GreaterThanOrEqualToThreshold"},
            [20, 10, 11],
            "Threshold Crossed: 3 datapoints [11.0 ({1}), 10.0 ({2}), 20.0 ({3})] were greater than or equal to the "
            "threshold (10.0).",
        ),
        (
            THREE_OF_THREE | {"TreatMissingData": "breaching", "ComparisonOperator": "LessThanThreshold"},
            [None, 20, None],
            "Threshold Crossed: 1 datapoint [20.0 ({2})] was not less than the threshold (10.0) and 2 missing "
            "datapoints were treated as [Breaching].",
        ),
        (
            ONE_OF_TWO,
            [3, 20],
            "Threshold Crossed: 1 out of the last 2 datapoints [20.0 ({1})] was greater than the threshold (10.0) "
            "(minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            ONE_OF_TWO,
            [4, 3],
            "Threshold Crossed: 2 out of the last 2 datapoints [3.0 ({1}), 4.0 ({2})] were not greater than the "
            "threshold (10.0) (minimum 2 datapoints for ALARM -> OK transition).",
        ),
        (
            ONE_OF_TWO | {"TreatMissingData": "notBreaching"},
            [None, 20],
            "Threshold Crossed: 1 out of the last 2 datapoints [20.0 ({1})] was greater than the threshold (10.0) and "
            "1 missing datapoint was treated as [NonBreaching] (minimum 1 datapoint for OK -> ALARM transition).",
        ),
        (
            {"TreatMissingData": "notBreaching"},
            [None],
            "Threshold Crossed: no datapoints were received for 1 period and 1 missing datapoint was treated as "
            "[NonBreaching].",
        ),
        (
            THREE_OF_THREE | {"TreatMissingData": "breaching"},
            [None, None, None],
            "Threshold Crossed: no datapoints were received for 3 periods and 3 missing datapoints were treated as "
            "[Breaching].",
        ),
    ],
)
def test_the_reason_of_a_state(changed: dict[str, Any], values: list[float | None], reason: str) -> None:
    cloud = Cloud()
    for value in values:
        if value is not None:
            cloud.measure(value)
        cloud.pass_minutes()
    cloud.put(**changed)
    cloud.cloudwatch.tick(cloud.now)
    assert cloud.view()["StateReason"] == reason.format(*[moment(cloud, age) for age in range(4)])


def test_lack_of_data() -> None:
    cloud = Cloud()
    cloud.put(EvaluationPeriods=2)
    cloud.measure(3)
    for _ in range(7):
        cloud.pass_minutes()
    assert cloud.view()["StateReason"] == "Insufficient Data: 2 datapoints were unknown."


def test_the_data_of_a_reason() -> None:
    cloud = Cloud()
    cloud.put(EvaluationPeriods=2, Unit="Percent")
    cloud.measure({20.0: 1, 30.0: 1}, unit="Percent")
    cloud.pass_minutes()
    cloud.measure(40, unit="Percent")
    cloud.pass_minutes()

    def iso(minutes_ago: int) -> str:
        return datetime.fromtimestamp(cloud.now - minutes_ago * 60, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    assert json.loads(cloud.view()["StateReasonData"]) == {
        "version": "1.0",
        "queryDate": iso(0),
        "startDate": iso(2),
        "unit": "Percent",
        "statistic": "Average",
        "period": 60,
        "recentDatapoints": [25.0, 40.0],
        "threshold": 10.0,
        "evaluatedDatapoints": [
            {"timestamp": iso(1), "sampleCount": 1.0, "value": 40.0},
            {"timestamp": iso(2), "sampleCount": 2.0, "value": 25.0},
        ],
    }
