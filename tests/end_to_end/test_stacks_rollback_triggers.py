"""Alarms that a stack names as rollback triggers: what the stack role makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import ACCOUNT, REGION, Cloud
from tests.interruption import RunningPlaybook

pytestmark = pytest.mark.timeout(600)

ONE_STACK = "tests/end_to_end/playbooks/one_stack.yml"
STACK = "hello-local-watched"
ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:watched-errors"


def variables(topic: str, minutes: int = 0) -> dict[str, Any]:
    return {
        "one_stack_name": "watched",
        "one_stack_template": "guarded",
        "one_stack_parameters": {"TopicName": "watched", "Password": topic},
        "stack_rollback_triggers": [ALARM],
        "stack_monitoring_minutes": minutes,
    }


@pytest.fixture
def alarm(cloud: Cloud) -> Iterator[Any]:
    """set_state(state); of an alarm that measures nothing, and so changes by hand only."""
    cloudwatch = cloud.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="watched-errors",
        Namespace="tests",
        MetricName="nothing",
        Statistic="Sum",
        Period=3600,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )
    yield lambda state: cloudwatch.set_alarm_state(AlarmName="watched-errors", StateValue=state, StateReason="a test")
    cloud.client("cloudformation").delete_stack(StackName=STACK)
    cloud.client("cloudformation").get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    cloudwatch.delete_alarms(AlarmNames=["watched-errors"])


def test_one_that_fires_in_the_monitoring_time_brings_the_stack_back(cloud: Cloud, alarm: Any) -> None:
    alarm("OK")
    first = cloud.playbook(ONE_STACK, variables=variables("one"))
    assert first.status == 0, first.output
    again = cloud.playbook(ONE_STACK, variables=variables("one"))
    assert again.status == 0, again.output

    with RunningPlaybook(cloud, ONE_STACK, variables=variables("two", minutes=180)) as run:
        run.read_until(f"{STACK} Note UPDATE_COMPLETE")
        alarm("ALARM")
        outcome = run.finish()
    assert outcome.status != 0
    message = " ".join(outcome.output.split())
    assert f"{STACK} ended UPDATE_ROLLBACK_COMPLETE" in message
    assert f"Rollback trigger {ALARM} is in ALARM state" in message

    alarm("OK")
    repaired = cloud.playbook(ONE_STACK, variables=variables("two"))
    assert repaired.status == 0, repaired.output
