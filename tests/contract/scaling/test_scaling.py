"""A group in a stack that its load scales, by alarms that anybody can look at.

Sources: "Target tracking scaling policies for Amazon EC2 Auto Scaling", "Suspend and resume Amazon EC2 Auto Scaling
processes" (EC2 Auto Scaling user guide); DescribeAlarms, DescribeAlarmHistory (CloudWatch API reference).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.stacks.fleet import Template, group, in_service
from tests.contract.stacks.test_scaling_policy import policies, scaled
from tests.waiting import eventually

Busy = Callable[[str], None]


def fleet() -> Template:
    """Instances come up by themselves, and serve at once."""
    body = scaled(EstimatedInstanceWarmup=120)
    body["Resources"]["Group"]["Properties"]["LifecycleHookSpecificationList"] = []
    return body


@pytest.fixture
def alarms(client: Any, stack: Any, busy: Busy) -> Any:
    """alarms() are those of the group's policy, high and low, as CloudWatch describes them now."""
    busy("")
    assert stack(fleet())["StackStatus"] == "CREATE_COMPLETE"
    eventually(lambda: in_service(client, 2))
    (policy,) = policies(client)
    names = [alarm["AlarmName"] for alarm in policy["Alarms"]]

    def described() -> list[Any]:
        found = client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
        return sorted(found, key=lambda alarm: names.index(alarm["AlarmName"]))

    return described


def desired(client: Any) -> int:
    return int(group(client)["DesiredCapacity"])


def test_the_alarms_are_there_as_the_policy_asks_for_them(client: Any, stack: Any, alarms: Any) -> None:
    (policy,) = policies(client)
    high, low = alarms()
    assert [alarm["AlarmArn"] for alarm in (high, low)] == [alarm["AlarmARN"] for alarm in policy["Alarms"]]
    assert (high["Threshold"], high["EvaluationPeriods"]) == (50, 3)
    assert (low["Threshold"], low["EvaluationPeriods"]) == (35, 15)
    for alarm in (high, low):
        assert alarm["AlarmActions"] == [policy["PolicyARN"]]
        assert alarm["AlarmDescription"].startswith("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy arn:")
        assert alarm["Dimensions"] == [{"Name": "AutoScalingGroupName", "Value": "fleet"}]
        assert alarm["StateValue"] == "INSUFFICIENT_DATA"
    body = fleet()
    del body["Resources"]["Policy"]
    body["Outputs"] = {}
    assert stack(body, update=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert alarms() == []


def test_load_makes_the_group_larger_and_quiet_makes_it_smaller(client: Any, alarms: Any, busy: Busy) -> None:
    busy("80")
    eventually(lambda: desired(client) == 4, seconds=15)
    busy("10")
    eventually(lambda: in_service(client, 4))
    found = client("autoscaling").describe_scaling_activities(AutoScalingGroupName="fleet")["Activities"]
    causes = [activity["Cause"] for activity in found if " from 2 to 4." in activity["Cause"]]
    high, _ = alarms()
    assert len(causes) == 2
    sentence = f"a monitor alarm {high['AlarmName']} in state ALARM triggered policy fleet-stack-Policy-"
    assert all(sentence in cause for cause in causes)
    eventually(lambda: desired(client) == 2, seconds=60)
    eventually(lambda: in_service(client, 2))
    assert [alarm["StateValue"] for alarm in alarms()] == ["OK", "ALARM"]


def test_while_alarm_notification_is_suspended_the_history_says_so(client: Any, alarms: Any, busy: Busy) -> None:
    api, suspended = client("autoscaling"), {"AutoScalingGroupName": "fleet", "ScalingProcesses": ["AlarmNotification"]}
    api.suspend_processes(**suspended)
    assert [process["ProcessName"] for process in group(client)["SuspendedProcesses"]] == ["AlarmNotification"]
    busy("80")
    high = alarms()[0]["AlarmName"]

    def failed() -> bool:
        items = client("cloudwatch").describe_alarm_history(AlarmName=high, HistoryItemType="Action")
        return "AlarmNotification of the AutoScalingGroup fleet is suspended" in str(items["AlarmHistoryItems"])

    eventually(failed, seconds=15)
    assert desired(client) == 2
    api.resume_processes(**suspended)
    eventually(lambda: desired(client) == 4, seconds=10)
