"""Changes to alarms and dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.contract.drift.change import change, expected
from tests.contract.drift.cloud import Account, Stack

CPU = ("CloudWatch::Alarm", "fleet", "CpuAlarm")
SHARE = ("CloudWatch::Alarm", "load-balancer", "ErrorShareAlarmBlue")


@change(*CPU, ("/Threshold", "NOT_EQUAL"), ("/AlarmActions/0", "REMOVE"))
def calmer(account: Account, stack: Stack, name: str) -> Iterator[None]:
    """Put without its actions, and with a threshold that is never crossed."""
    put = {key: value for key, value in expected(stack, "CpuAlarm").items() if key != "Tags"}
    account.cloudwatch.put_metric_alarm(**put | {"Threshold": 200, "AlarmActions": []})
    yield
    account.cloudwatch.put_metric_alarm(**put)


@change(*CPU)
def muted(account: Account, stack: Stack, name: str) -> Iterator[None]:
    """The template leaves ActionsEnabled out, and a default is never compared."""
    account.cloudwatch.disable_alarm_actions(AlarmNames=[name])
    yield
    account.cloudwatch.enable_alarm_actions(AlarmNames=[name])


@change(*CPU)
def ringing(account: Account, stack: Stack, name: str) -> Iterator[None]:
    """A state is no property."""
    account.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="drill")
    yield
    account.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="drill")


@change(*SHARE, ("/Metrics/0/Expression", "NOT_EQUAL"))
def counted_otherwise(account: Account, stack: Stack, name: str) -> Iterator[None]:
    put = {key: value for key, value in expected(stack, "ErrorShareAlarmBlue").items() if key != "Tags"}
    share, *rest = put["Metrics"]
    account.cloudwatch.put_metric_alarm(**put | {"Metrics": [share | {"Expression": "errors"}, *rest]})
    yield
    account.cloudwatch.put_metric_alarm(**put)


@change("CloudWatch::Dashboard", "load-balancer", "Dashboard", ("/DashboardBody", "NOT_EQUAL"))
def drawn_anew(account: Account, stack: Stack, name: str) -> Iterator[None]:
    before = account.cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"]
    body = json.loads(before)
    # Blanks mean nothing.
    account.cloudwatch.put_dashboard(DashboardName=name, DashboardBody=json.dumps(body, indent=2))
    assert stack.differences() == {}
    body["widgets"][0]["width"] = 6
    account.cloudwatch.put_dashboard(DashboardName=name, DashboardBody=json.dumps(body))
    yield
    account.cloudwatch.put_dashboard(DashboardName=name, DashboardBody=before)
