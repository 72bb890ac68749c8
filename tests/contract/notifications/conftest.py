from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.mailbox import Mail, Mailbox
from localcloud.settings import Settings
from tests.cloud import ACCOUNT, REGION, aws_client
from tests.contract.control_plane import free_port, serving

REASON = "Threshold Crossed: 2 datapoints were greater than the threshold (80.0)."
ALARM = "hello-test-cpu"
ALARM_ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{ALARM}"


@dataclass(frozen=True)
class Notifications:
    """A control plane and its mailbox."""

    endpoint: str
    state_dir: Path

    def client(self, service: str, **options: Any) -> Any:
        return aws_client(self.endpoint, service, **options)

    def mails(self, to: str) -> list[Mail]:
        return [mail for mail in Mailbox(self.state_dir).mails() if mail.message["To"] == to]

    def link(self, to: str) -> str:
        """The confirmation link in the newest mail."""
        (link,) = (link for link in self.mails(to)[-1].links() if "Action=ConfirmSubscription&" in link)
        return link

    def fire(self, topic: str, account: str = ACCOUNT) -> str:
        """An alarm of the account calls its action; what its history says when that was not done."""
        api = self.client("cloudwatch", aws_access_key_id=account)
        api.put_metric_alarm(**alarm(topic))
        try:
            api.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason=REASON)
            item, *_ = api.describe_alarm_history(AlarmName=ALARM, HistoryItemType="Action")["AlarmHistoryItems"]
        finally:
            api.delete_alarms(AlarmNames=[ALARM])
        data = json.loads(item["HistoryData"])
        assert (data["actionState"] == "Failed") == item["HistorySummary"].startswith("Failed to execute")
        return str(data.get("error") or "")


def alarm(topic: str) -> dict[str, Any]:
    return {
        "AlarmName": ALARM,
        "AlarmDescription": "The fleet is busy.\nSee docs/runbook.md.",
        "AlarmActions": [topic],
        "Namespace": "AWS/EC2",
        "MetricName": "CPUUtilization",
        "Dimensions": [{"Name": "AutoScalingGroupName", "Value": "hello-test-blue"}],
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 80.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "Statistic": "Average",
    }


@contextlib.contextmanager
def notifications(state_dir: Path, time_scale: float) -> Iterator[Notifications]:
    settings = Settings(state_dir, port=free_port(), time_scale=time_scale)
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield Notifications(endpoint, state_dir)


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notifications]:
    with notifications(tmp_path_factory.mktemp("notifications"), time_scale=1) as found:
        yield found


@pytest.fixture(scope="session")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notifications]:
    """Two days pass in two seconds."""
    with notifications(tmp_path_factory.mktemp("impatient"), time_scale=24 * 3600) as found:
        yield found


@pytest.fixture
def topic(cloud: Notifications) -> Iterator[str]:
    """A topic of its own, which takes messages from alarms as a topic does that nobody gave a policy."""
    api = cloud.client("sns")
    arn: str = api.create_topic(Name=f"topic-{uuid.uuid4().hex[:8]}")["TopicArn"]
    yield arn
    api.delete_topic(TopicArn=arn)
