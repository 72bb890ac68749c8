"""The API of alarms. Sources: PutMetricAlarm, DescribeAlarms, DescribeAlarmHistory, SetAlarmState (API reference)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.monitoring.account import POLICY, TOPIC, Account
from tests.contract.monitoring.actions import FAILING
from tests.waiting import eventually

NAMES = ("fleet-a", "fleet-b", "fleet-c", "other")


def alarm(name: str, **changed: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "AlarmName": name,
        "Namespace": "test",
        "MetricName": name,
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 10,
        "ComparisonOperator": "GreaterThanThreshold",
        **changed,
    }
    return {key: value for key, value in given.items() if value is not None}


def feed(account: Account, name: str, value: float) -> None:
    account.cloudwatch.put_metric_data(Namespace="test", MetricData=[{"MetricName": name, "Value": value}])


@pytest.fixture(scope="module")
def several(account: Account) -> Iterator[Account]:
    for name in NAMES:
        account.cloudwatch.put_metric_alarm(**alarm(name, AlarmActions=[POLICY if name == "other" else TOPIC]))
    yield account
    account.cloudwatch.delete_alarms(AlarmNames=list(NAMES))


def found(account: Account, **asked: Any) -> list[str]:
    return [one["AlarmName"] for one in account.cloudwatch.describe_alarms(**asked)["MetricAlarms"]]


def test_an_alarm_goes_through_its_states_and_calls_its_actions(account: Account) -> None:
    actions = {"AlarmActions": [TOPIC, POLICY], "OKActions": [TOPIC]}
    # However slow the test is, an alarm that it does not feed stays as it is.
    account.cloudwatch.put_metric_alarm(**alarm("life", TreatMissingData="ignore", **actions))

    def reached(value: float, state: str) -> bool:
        feed(account, "life", value)
        return bool(account.alarm("life")["StateValue"] == state)

    eventually(lambda: reached(20, "ALARM"))
    eventually(lambda: [POLICY, "ALARM", "ALARM", True, 20] in account.actions("life"))
    eventually(lambda: reached(1, "OK"))
    once = [called for called in account.actions("life") if not called[3]]
    assert once[0] == [TOPIC, "INSUFFICIENT_DATA", "ALARM", False, 20]
    assert once[1] == [POLICY, "INSUFFICIENT_DATA", "ALARM", False, 20]
    assert (once[2][0], once[2][1:3]) == (TOPIC, ["ALARM", "OK"])
    told = account.cloudwatch.describe_alarm_history(AlarmName="life", ScanBy="TimestampAscending")
    assert [item["HistorySummary"] for item in told["AlarmHistoryItems"]] == [
        'Alarm "life" created',
        "Alarm updated from INSUFFICIENT_DATA to ALARM",
        f"Successfully executed action {TOPIC}",
        f"Successfully executed action {POLICY}",
        "Alarm updated from ALARM to OK",
        f"Successfully executed action {TOPIC}",
    ]
    moved = json.loads(told["AlarmHistoryItems"][1]["HistoryData"])
    assert moved["oldState"] == {
        "stateValue": "INSUFFICIENT_DATA",
        "stateReason": "Unchecked: Initial alarm creation",
    }
    assert moved["newState"]["stateReasonData"]["evaluatedDatapoints"][0]["value"] == 20


def test_what_was_put_is_described(account: Account) -> None:
    put = alarm(
        "whole",
        AlarmDescription="Says what to do",
        ActionsEnabled=False,
        OKActions=[TOPIC],
        AlarmActions=[TOPIC],
        InsufficientDataActions=[TOPIC],
        Statistic=None,
        ExtendedStatistic="p99.5",
        Dimensions=[{"Name": "z", "Value": "1"}, {"Name": "a", "Value": "2"}],
        Period=300,
        Unit="Seconds",
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=0.25,
        TreatMissingData="notBreaching",
        EvaluateLowSampleCountPercentile="evaluate",
    )
    account.cloudwatch.put_metric_alarm(**put)
    described = account.alarm("whole")
    assert {name: described[name] for name in put} == put
    assert described["AlarmArn"] == "arn:aws:cloudwatch:us-east-1:000000000000:alarm:whole"
    assert described["StateTransitionedTimestamp"] > datetime.now(UTC) - timedelta(minutes=1)


def test_alarms_are_found_by_name_prefix_state_and_action(several: Account) -> None:
    assert found(several, AlarmNamePrefix="fleet-") == ["fleet-a", "fleet-b", "fleet-c"]
    assert found(several, AlarmNames=["other", "fleet-b", "nobody"]) == ["fleet-b", "other"]
    assert found(several, ActionPrefix="arn:aws:autoscaling", AlarmNames=list(NAMES)) == ["other"]
    several.cloudwatch.set_alarm_state(AlarmName="fleet-c", StateValue="ALARM", StateReason="a test")
    eventually(lambda: found(several, StateValue="INSUFFICIENT_DATA", AlarmNamePrefix="fleet-c"))
    assert found(several, AlarmTypes=["CompositeAlarm"]) == []
    with pytest.raises(ClientError, match="exclude each other"):
        found(several, AlarmNames=["other"], AlarmNamePrefix="o")
    with pytest.raises(ClientError, match="localcloud does not support ChildrenOfAlarmName"):
        found(several, ChildrenOfAlarmName="other")


def test_pages(several: Account) -> None:
    pages = several.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix="fleet-", PaginationConfig={"PageSize": 2}
    )
    assert [[one["AlarmName"] for one in page["MetricAlarms"]] for page in pages] == [
        ["fleet-a", "fleet-b"],
        ["fleet-c"],
    ]
    with pytest.raises(several.cloudwatch.exceptions.InvalidNextToken):
        several.cloudwatch.describe_alarms(NextToken="elsewhere")


def test_alarms_of_a_metric(several: Account) -> None:
    def of(**asked: Any) -> list[str]:
        response = several.cloudwatch.describe_alarms_for_metric(Namespace="test", MetricName="other", **asked)
        return [one["AlarmName"] for one in response["MetricAlarms"]]

    assert of() == of(Statistic="Average", Period=60) == ["other"]
    assert of(Period=120) == of(Dimensions=[{"Name": "a", "Value": "b"}]) == []


def test_a_state_that_is_set_acts_and_lasts_until_the_next_evaluation(account: Account) -> None:
    failing = f"{TOPIC}-{FAILING}"
    api = account.cloudwatch
    api.put_metric_alarm(**alarm("set", AlarmActions=[failing]))
    api.set_alarm_state(AlarmName="set", StateValue="ALARM", StateReason="drill", StateReasonData='{"by": "hand"}')
    assert account.actions("set") == [[failing, "INSUFFICIENT_DATA", "ALARM", False, None]]
    eventually(lambda: account.alarm("set")["StateValue"] == "INSUFFICIENT_DATA")
    items = api.describe_alarm_history(AlarmName="set", HistoryItemType="Action")["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in items] == [f"Failed to execute action {failing}"]
    with pytest.raises(api.exceptions.ResourceNotFound):
        api.set_alarm_state(AlarmName="nobody", StateValue="OK", StateReason="drill")
    with pytest.raises(api.exceptions.InvalidFormatFault):
        api.set_alarm_state(AlarmName="set", StateValue="OK", StateReason="drill", StateReasonData="{")


def test_actions_are_switched_off_and_on(account: Account) -> None:
    api = account.cloudwatch
    api.put_metric_alarm(**alarm("switch", AlarmActions=[TOPIC]))
    api.disable_alarm_actions(AlarmNames=["switch", "nobody"])
    assert account.alarm("switch")["ActionsEnabled"] is False
    api.set_alarm_state(AlarmName="switch", StateValue="ALARM", StateReason="drill")
    assert account.actions("switch") == []
    api.enable_alarm_actions(AlarmNames=["switch"])
    assert account.alarm("switch")["ActionsEnabled"] is True


def test_tags(account: Account) -> None:
    api = account.cloudwatch
    api.put_metric_alarm(**alarm("tagged", Tags=[{"Key": "env", "Value": "test"}]))
    arn = account.alarm("tagged")["AlarmArn"]
    api.tag_resource(ResourceARN=arn, Tags=[{"Key": "app", "Value": "hello"}])
    api.untag_resource(ResourceARN=arn, TagKeys=["env"])
    assert api.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "app", "Value": "hello"}]
    with pytest.raises(ClientError, match="does not exist"):
        api.list_tags_for_resource(ResourceARN=f"{arn}-not")


def test_history_by_date(account: Account) -> None:
    account.cloudwatch.put_metric_alarm(**alarm("dated"))
    now = datetime.now(UTC)

    def items(**asked: Any) -> int:
        return len(account.cloudwatch.describe_alarm_history(AlarmName="dated", **asked)["AlarmHistoryItems"])

    assert items(StartDate=now - timedelta(minutes=5), EndDate=now + timedelta(minutes=5)) >= 1
    assert items(StartDate=now + timedelta(minutes=5)) == items(EndDate=now - timedelta(minutes=5)) == 0


@pytest.mark.parametrize(
    ("operation", "parameters", "message"),
    [
        ("put_composite_alarm", {"AlarmName": "a", "AlarmRule": "TRUE"}, "cloudwatch:PutCompositeAlarm"),
        ("describe_anomaly_detectors", {}, "cloudwatch:DescribeAnomalyDetectors"),
        ("put_metric_alarm", alarm("a", Period=90), "multiple of 60"),
        ("put_metric_alarm", alarm("a", AlarmDescription="x" * 1025), "less than or equal to 1024"),
        ("put_metric_alarm", alarm("a", EvaluationInterval=60), "localcloud does not support EvaluationInterval"),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    account: Account, operation: str, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        getattr(account.cloudwatch, operation)(**parameters)
