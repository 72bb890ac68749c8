"""Whether an alarm's message is let into a topic, and what it says.

Sources: "Why didn't I receive an SNS notification for my CloudWatch alarm trigger?" (AWS re:Post knowledge center);
"Amazon SNS access policy use cases" and "Managing Amazon SNS encryption keys and costs" (SNS developer guide);
"Notifying users on alarm changes" (CloudWatch user guide).
"""

from __future__ import annotations

import json
import re
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cloud import ACCOUNT, REGION
from tests.contract.notifications.conftest import ALARM, ALARM_ARN, REASON, Notifications

CLOUDWATCH = {"Service": "cloudwatch.amazonaws.com"}


@pytest.fixture
def reader(cloud: Notifications, topic: str) -> str:
    """An address that has confirmed."""
    to = f"{uuid.uuid4().hex[:8]}@example.com"
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=to)
    with urllib.request.urlopen(cloud.link(to), timeout=10):
        return to


def arrived(cloud: Notifications, to: str) -> int:
    """Mails after the one that asked for confirmation."""
    return len(cloud.mails(to)) - 1


def set_policy(cloud: Notifications, topic: str, *statements: Mapping[str, Any]) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Resource": topic, **one} for one in statements],
    }
    cloud.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))


PUBLISH = {"Principal": CLOUDWATCH, "Action": "sns:Publish"}
REFUSED = f"Resource: {ALARM_ARN} is not authorized to perform: SNS:Publish on resource: "


def test_the_mail_says_what_an_alarm_says(cloud: Notifications, topic: str, reader: str) -> None:
    assert cloud.fire(topic) == ""
    mail = cloud.mails(reader)[-1]
    assert mail.message["Subject"] == f'ALARM: "{ALARM}" in US East (N. Virginia)'
    details = dict(re.findall(r"^- ([^:\n]+): +(.*)$", mail.text, re.MULTILINE))
    assert details == {
        "Name": ALARM,
        "Description": "The fleet is busy.",
        "State Change": "INSUFFICIENT_DATA -> ALARM",
        "Reason for State Change": REASON,
        "Timestamp": details["Timestamp"],
        "AWS Account": ACCOUNT,
        "Alarm Arn": ALARM_ARN,
        "MetricNamespace": "AWS/EC2",
        "MetricName": "CPUUtilization",
        "Dimensions": "[AutoScalingGroupName = hello-test-blue]",
        "Period": "60 seconds",
        "Statistic": "Average",
        "Unit": "not specified",
        "TreatMissingData": "missing",
        "ALARM": f"[{topic}]",
    }
    assert re.fullmatch(r"[A-Z][a-z]+day \d\d [A-Z][a-z]+, \d{4} \d\d:\d\d:\d\d UTC", details["Timestamp"])
    assert "GreaterThanThreshold 80.0 for at least 2 of the last 3 period(s) of 60 seconds" in mail.text
    assert "See docs/runbook.md." in mail.text
    assert "Action=Unsubscribe&" in mail.links()[-1]


def test_programs_receive_the_same_as_json(cloud: Notifications, topic: str) -> None:
    queues = cloud.client("sqs")
    url = queues.create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    assert cloud.fire(topic) == ""
    (received,) = queues.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    message = json.loads(json.loads(received["Body"])["Message"])
    assert (message["AlarmName"], message["OldStateValue"], message["NewStateValue"]) == (
        ALARM,
        "INSUFFICIENT_DATA",
        "ALARM",
    )
    assert message["Trigger"]["Dimensions"] == [{"name": "AutoScalingGroupName", "value": "hello-test-blue"}]


def test_an_unknown_topic_is_a_reason(cloud: Notifications, topic: str) -> None:
    assert cloud.fire(f"{topic}-gone") == f"Topic does not exist: {topic}-gone"


# --- the topic's policy -----------------------------------------------------------------------------------


def test_the_default_policy_lets_alarms_of_its_own_account_in(cloud: Notifications, topic: str, reader: str) -> None:
    assert cloud.fire(topic) == ""
    elsewhere = REFUSED.replace(ACCOUNT, "111122223333")
    assert cloud.fire(topic, account="111122223333") == f"{elsewhere}{topic}"
    assert arrived(cloud, reader) == 1


def test_a_policy_that_does_not_name_cloudwatch_keeps_alarms_out(cloud: Notifications, topic: str, reader: str) -> None:
    set_policy(cloud, topic, PUBLISH | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}})
    assert cloud.fire(topic) == f"{REFUSED}{topic}"
    assert arrived(cloud, reader) == 0


SOURCES = [
    ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
    ({"StringEquals": {"aws:SourceAccount": "111122223333"}}, False),
    ({"ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"}}, True),
    ({"ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:other-*"}}, False),
    ({"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, False),
]


@pytest.mark.parametrize(("condition", "let_in"), SOURCES)
def test_conditions_on_the_source_are_asked(
    cloud: Notifications, topic: str, reader: str, condition: Mapping[str, Any], let_in: bool
) -> None:
    """Access policy use cases: "Allow Amazon CloudWatch alarms in an AWS account to publish messages"."""
    set_policy(cloud, topic, PUBLISH | {"Condition": condition})
    assert cloud.fire(topic) == ("" if let_in else f"{REFUSED}{topic}")
    assert arrived(cloud, reader) == int(let_in)


def test_alarms_come_over_tls_and_what_does_not_can_be_kept_out(cloud: Notifications, topic: str, reader: str) -> None:
    """Security best practices for SNS: "Enforce encryption of data in transit"."""
    insecure = {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish"}
    set_policy(cloud, topic, PUBLISH, insecure | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}})
    assert cloud.fire(topic) == ""
    set_policy(cloud, topic, PUBLISH, insecure)
    assert cloud.fire(topic) == f"{REFUSED}{topic}"
    assert arrived(cloud, reader) == 1


# --- the topic's key --------------------------------------------------------------------------------------


def encrypt(cloud: Notifications, topic: str, key: str) -> None:
    cloud.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue=key)


def make_key(cloud: Notifications, *statements: Mapping[str, Any]) -> str:
    root = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    policy = {
        "Version": "2012-10-17",
        "Statement": [root, *({"Effect": "Allow", "Resource": "*", **one} for one in statements)],
    }
    return str(cloud.client("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["KeyId"])


USE = {"Principal": CLOUDWATCH, "Action": ["kms:Decrypt", "kms:GenerateDataKey*"]}


def test_under_the_aws_managed_key_no_alarm_arrives(cloud: Notifications, topic: str, reader: str) -> None:
    """Knowledge center: its policy does not let CloudWatch use it, and cannot be changed."""
    encrypt(cloud, topic, "alias/aws/sns")
    assert "Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException" in cloud.fire(topic)
    assert arrived(cloud, reader) == 0


KEYS = [
    (USE, True),
    (USE | {"Action": "kms:Decrypt"}, False),
    (USE | {"Action": "kms:GenerateDataKey*"}, False),
    (USE | {"Principal": {"Service": "events.amazonaws.com"}}, False),
    (USE | {"Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}, True),
    (USE | {"Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}}}, False),
    (USE | {"Condition": {"ArnLike": {"aws:SourceArn": f"{ALARM_ARN}-other"}}}, False),
]


@pytest.mark.parametrize(("statement", "let_in"), KEYS)
def test_a_key_of_ones_own_must_let_cloudwatch_use_it(
    cloud: Notifications, topic: str, reader: str, statement: Mapping[str, Any], let_in: bool
) -> None:
    """Encryption keys: "Enable compatibility between event sources from AWS services and encrypted topics"."""
    encrypt(cloud, topic, make_key(cloud, statement))
    assert ("AccessDeniedException" in cloud.fire(topic)) is not let_in
    assert arrived(cloud, reader) == int(let_in)


def test_the_key_may_be_named_by_its_alias_and_must_be_enabled(cloud: Notifications, topic: str, reader: str) -> None:
    """DescribeKey, KeyState (KMS API reference)."""
    keys, key, alias = cloud.client("kms"), make_key(cloud, USE), f"alias/{uuid.uuid4().hex[:8]}"
    keys.create_alias(AliasName=alias, TargetKeyId=key)
    encrypt(cloud, topic, alias)
    assert cloud.fire(topic) == ""
    keys.disable_key(KeyId=key)
    assert "DisabledException" in cloud.fire(topic)
    keys.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert "KMSInvalidStateException" in cloud.fire(topic)
    encrypt(cloud, topic, "alias/nothing")
    assert "NotFoundException" in cloud.fire(topic)
    assert arrived(cloud, reader) == 1
