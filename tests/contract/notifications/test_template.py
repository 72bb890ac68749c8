"""The part of load_balancer.yml that alarms go through, as it stands there, lets them in and keeps others out.

Sources: as in test_alarm_mails.py; AWS::KMS::Key (CloudFormation resource reference) for what becomes of a key that is
taken out of a stack.
"""

from __future__ import annotations

import json
import urllib.request
import uuid
from typing import Any

import pytest

from tests.contract.notifications.conftest import Notifications
from tests.templates import load
from tests.waiting import eventually

PARAMETERS = ("AppName", "EnvName", "NotificationsEncrypted")
RESOURCES = ("NotificationsKey", "NotificationsKeyAlias", "AlertTopic", "AlertTopicPolicy")


def part() -> str:
    template = load("load_balancer.yml")
    return json.dumps(
        {
            "Parameters": {name: template["Parameters"][name] for name in PARAMETERS},
            "Conditions": {"HasNotificationsKey": template["Conditions"]["HasNotificationsKey"]},
            "Resources": {name: template["Resources"][name] for name in RESOURCES},
        }
    )


class Stack:
    def __init__(self, cloud: Notifications) -> None:
        self.cloud, self.api = cloud, cloud.client("cloudformation")
        self.env = f"e{uuid.uuid4().hex[:8]}"
        self._apply(self.api.create_stack, "true")
        self.topic = self.id_of("AlertTopic")

    def update(self, encrypted: str) -> None:
        self._apply(self.api.update_stack, encrypted)

    def _apply(self, change: Any, encrypted: str) -> None:
        values = {"AppName": "hello", "EnvName": self.env, "NotificationsEncrypted": encrypted}
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
        change(StackName=self.env, TemplateBody=part(), Parameters=parameters)
        assert eventually(self._settled) in ("CREATE_COMPLETE", "UPDATE_COMPLETE")

    def _settled(self) -> str:
        status = str(self.api.describe_stacks(StackName=self.env)["Stacks"][0]["StackStatus"])
        return "" if status.endswith("IN_PROGRESS") else status

    def id_of(self, name: str) -> str:
        found = self.api.describe_stack_resource(StackName=self.env, LogicalResourceId=name)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def attributes(self) -> dict[str, str]:
        found: dict[str, str] = self.cloud.client("sns").get_topic_attributes(TopicArn=self.topic)["Attributes"]
        return found


@pytest.fixture
def stack(cloud: Notifications) -> Stack:
    return Stack(cloud)


def test_alarms_of_this_account_arrive_with_and_without_the_key(cloud: Notifications, stack: Stack) -> None:
    to, keys = f"{stack.env}@example.com", cloud.client("kms")
    cloud.client("sns").subscribe(TopicArn=stack.topic, Protocol="email", Endpoint=to)
    with urllib.request.urlopen(cloud.link(to), timeout=10):
        assert cloud.fire(stack.topic) == ""
    first = stack.id_of("NotificationsKey")
    assert stack.attributes()["KmsMasterKeyId"] == first
    alias = f"alias/hello-{stack.env}-notifications"
    assert keys.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == first
    assert keys.get_key_rotation_status(KeyId=first)["KeyRotationEnabled"] is True

    stack.update("false")
    assert "KmsMasterKeyId" not in stack.attributes()
    assert keys.describe_key(KeyId=first)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert cloud.fire(stack.topic) == ""

    stack.update("true")
    assert stack.attributes()["KmsMasterKeyId"] == stack.id_of("NotificationsKey") != first
    assert cloud.fire(stack.topic) == ""
    assert len(cloud.mails(to)) == 4


def test_alarms_of_another_account_do_not(cloud: Notifications, stack: Stack) -> None:
    assert "is not authorized to perform: SNS:Publish" in cloud.fire(stack.topic, account="111122223333")


def test_a_topic_without_its_policy_is_its_own_accounts_again(cloud: Notifications, stack: Stack) -> None:
    """AWS::SNS::TopicPolicy: the handler that AWS publishes puts the default policy back."""
    template = json.loads(part())
    del template["Resources"]["AlertTopicPolicy"]
    stack.api.update_stack(
        StackName=stack.env,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in PARAMETERS],
    )
    eventually(lambda: json.loads(stack.attributes()["Policy"]).get("Id") == "__default_policy_ID")
    assert cloud.fire(stack.topic) == ""
