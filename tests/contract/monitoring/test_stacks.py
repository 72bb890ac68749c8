"""AWS::CloudWatch::Alarm and AWS::CloudWatch::Dashboard. Source: the resource types in the template reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.monitoring.account import TOPIC, Account
from tests.waiting import eventually

STACK = "watching"

SHARE = [
    {"Id": "share", "Label": "5xx", "Expression": "IF(requests > 0, 100 * errors / requests, 0)", "ReturnData": True},
    *[
        {
            "Id": name,
            "ReturnData": False,
            "MetricStat": {
                "Metric": {
                    "Namespace": "stacks",
                    "MetricName": name,
                    "Dimensions": [{"Name": "group", "Value": {"Ref": "AWS::StackName"}}],
                },
                "Period": {"Ref": "Period"},
                "Stat": "Sum",
            },
        }
        for name in ("errors", "requests")
    ],
]

BODY: dict[str, Any] = {
    "Parameters": {
        "Period": {"Type": "Number", "Default": "60"},
        "Threshold": {"Type": "Number", "Default": "5"},
        "Points": {"Type": "String", "Default": ""},
        "Name": {"Type": "String", "Default": "hello-cpu"},
        "Statistic": {"Type": "String", "Default": "p99"},
    },
    "Conditions": {"HasPoints": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Points"}, ""]}]}},
    "Resources": {
        "Cpu": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "AlarmName": {"Ref": "Name"},
                "AlarmDescription": "Says what to do",
                "ActionsEnabled": True,
                "AlarmActions": [TOPIC],
                "OKActions": [TOPIC],
                "InsufficientDataActions": [],
                "Namespace": "stacks",
                "MetricName": "cpu",
                "Dimensions": [{"Name": "group", "Value": "blue"}],
                "ExtendedStatistic": {"Ref": "Statistic"},
                "Unit": "Percent",
                "Period": {"Ref": "Period"},
                "EvaluationPeriods": "3",
                "DatapointsToAlarm": {"Fn::If": ["HasPoints", {"Ref": "Points"}, {"Ref": "AWS::NoValue"}]},
                "Threshold": {"Ref": "Threshold"},
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
                "Tags": [{"Key": "own", "Value": "1"}],
            },
        },
        "Share": {
            "Type": "AWS::CloudWatch::Alarm",
            "Properties": {
                "Metrics": SHARE,
                "EvaluationPeriods": 1,
                "Threshold": {"Ref": "Threshold"},
                "ComparisonOperator": "GreaterThanThreshold",
                "TreatMissingData": "notBreaching",
            },
        },
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {
                "DashboardName": "hello",
                "DashboardBody": {
                    "Fn::Sub": json.dumps(
                        {"widgets": [{"type": "alarm", "properties": {"alarms": ["${Cpu.Arn}", "${Share.Arn}"]}}]}
                    )
                },
            },
        },
    },
}


@pytest.fixture
def stack(account: Account) -> Iterator[Callable[..., str]]:
    """apply(**parameters) → final status; everything is deleted afterwards."""
    api = account.cloudformation

    def settled() -> str:
        status = str(api.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])
        return "" if status.endswith("IN_PROGRESS") else status

    def apply(body: dict[str, Any] = BODY, update: bool = False, **parameters: str) -> str:
        (api.update_stack if update else api.create_stack)(
            StackName=STACK,
            TemplateBody=json.dumps(body),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Tags=[{"Key": "env", "Value": "test"}],
        )
        return eventually(settled)

    yield apply
    api.delete_stack(StackName=STACK)
    api.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def differences(account: Account) -> dict[str, list[tuple[str, str]]]:
    api = account.cloudformation
    api.detect_stack_drift(StackName=STACK)
    drifts = api.describe_stack_resource_drifts(StackName=STACK)["StackResourceDrifts"]
    assert {drift["LogicalResourceId"] for drift in drifts} == set(BODY["Resources"])
    return {
        drift["LogicalResourceId"]: [
            (one["PropertyPath"], one["DifferenceType"]) for one in drift.get("PropertyDifferences", ())
        ]
        for drift in drifts
        if drift["StackResourceDriftStatus"] != "IN_SYNC"
    }


def reasons(account: Account) -> str:
    events = account.cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
    return "\n".join(event.get("ResourceStatusReason", "") for event in events)


def test_alarms_and_a_dashboard_as_the_template_says(account: Account, stack: Callable[..., str]) -> None:
    assert stack() == "CREATE_COMPLETE", reasons(account)
    cpu = account.alarm("hello-cpu")
    expected = {
        "AlarmDescription": "Says what to do",
        "ExtendedStatistic": "p99",
        "Period": 60,
        "EvaluationPeriods": 3,
        "Threshold": 5.0,
        "AlarmActions": [TOPIC],
        "InsufficientDataActions": [],
        "Unit": "Percent",
    }
    assert {name: cpu[name] for name in expected} == expected
    assert "DatapointsToAlarm" not in cpu
    [share] = account.cloudwatch.describe_alarms(AlarmNamePrefix=f"{STACK}-Share-")["MetricAlarms"]
    assert share["Metrics"][1]["MetricStat"]["Period"] == 60
    assert share["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"] == [{"Name": "group", "Value": STACK}]
    shown = json.loads(account.cloudwatch.get_dashboard(DashboardName="hello")["DashboardBody"])
    assert shown["widgets"][0]["properties"]["alarms"] == [cpu["AlarmArn"], share["AlarmArn"]]
    tags = account.cloudwatch.list_tags_for_resource(ResourceARN=cpu["AlarmArn"])["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags}.items() >= {"own": "1", "env": "test"}.items()
    assert differences(account) == {}


def test_a_share_of_errors_alarms(account: Account, stack: Callable[..., str]) -> None:
    assert stack() == "CREATE_COMPLETE", reasons(account)

    def failing(errors: int) -> str:
        dimensions = [{"Name": "group", "Value": STACK}]
        account.cloudwatch.put_metric_data(
            Namespace="stacks",
            MetricData=[
                {"MetricName": name, "Dimensions": dimensions, "Value": value}
                for name, value in (("errors", errors), ("requests", 20))
            ],
        )
        [share] = account.cloudwatch.describe_alarms(AlarmNamePrefix=f"{STACK}-Share-")["MetricAlarms"]
        return str(share["StateValue"])

    eventually(lambda: failing(2) == "ALARM")
    eventually(lambda: failing(0) == "OK")


def test_an_update_keeps_the_alarm_and_its_state(account: Account, stack: Callable[..., str]) -> None:
    assert stack() == "CREATE_COMPLETE", reasons(account)
    eventually(lambda: account.alarm("hello-cpu")["StateValue"] == "OK")
    assert stack(update=True, Threshold="7.5", Points="2") == "UPDATE_COMPLETE", reasons(account)
    cpu = account.alarm("hello-cpu")
    assert (cpu["Threshold"], cpu["DatapointsToAlarm"], cpu["StateValue"]) == (7.5, 2, "OK")
    assert stack(update=True, Threshold="7.5") == "UPDATE_COMPLETE", reasons(account)
    assert "DatapointsToAlarm" not in account.alarm("hello-cpu")
    assert differences(account) == {}


def test_another_name_is_another_alarm(account: Account, stack: Callable[..., str]) -> None:
    assert stack() == "CREATE_COMPLETE", reasons(account)
    assert stack(update=True, Name="bye-cpu") == "UPDATE_COMPLETE", reasons(account)
    described = account.cloudwatch.describe_alarms(AlarmNames=["hello-cpu", "bye-cpu"])["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in described] == ["bye-cpu"]


def test_an_update_that_is_refused_leaves_the_alarm_as_it_was(account: Account, stack: Callable[..., str]) -> None:
    assert stack() == "CREATE_COMPLETE", reasons(account)
    assert stack(update=True, Threshold="9", Statistic="tm99") == "UPDATE_ROLLBACK_COMPLETE"
    assert "localcloud does not support the statistic tm99" in reasons(account)
    assert account.alarm("hello-cpu")["Threshold"] == 5
    assert differences(account) == {}


def test_what_is_changed_behind_the_stacks_back_is_drift(account: Account, stack: Callable[..., str]) -> None:
    assert stack() == "CREATE_COMPLETE", reasons(account)
    [share] = account.cloudwatch.describe_alarms(AlarmNamePrefix=f"{STACK}-Share-")["MetricAlarms"]
    account.cloudwatch.disable_alarm_actions(AlarmNames=["hello-cpu"])
    account.cloudwatch.tag_resource(
        ResourceARN=account.alarm("hello-cpu")["AlarmArn"], Tags=[{"Key": "own", "Value": "2"}]
    )
    changed = [{**query, "Expression": "errors"} if "Expression" in query else query for query in share["Metrics"]]
    account.cloudwatch.put_metric_alarm(
        AlarmName=share["AlarmName"],
        Metrics=changed,
        EvaluationPeriods=1,
        Threshold=5,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    account.cloudwatch.put_dashboard(DashboardName="hello", DashboardBody='{"widgets": []}')
    found = differences(account)
    assert sorted(found["Cpu"]) == [("/ActionsEnabled", "NOT_EQUAL"), ("/Tags/0/Value", "NOT_EQUAL")]
    assert found["Share"] == [("/Metrics/0/Expression", "NOT_EQUAL")]
    assert found["Dashboard"] == [("/DashboardBody", "NOT_EQUAL")]
    account.cloudwatch.delete_alarms(AlarmNames=[share["AlarmName"]])
    assert differences(account)["Share"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("EvaluateLowSampleCountPercentile", "ignore"), ("ThresholdMetricId", "ad1"), ("EvaluationInterval", 60)],
)
def test_a_property_that_would_be_ignored_is_refused(account: Account, name: str, value: Any) -> None:
    body = json.loads(json.dumps(BODY))
    body["Resources"]["Cpu"]["Properties"][name] = value
    with pytest.raises(ClientError, match=f"localcloud does not support the property {name}"):
        account.cloudformation.create_stack(StackName="refused", TemplateBody=json.dumps(body))
