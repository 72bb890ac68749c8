"""An e-mail subscription lives from the mail to the link in it, or for two days.

Sources: Subscribe, ConfirmSubscription, Unsubscribe and ListSubscriptionsByTopic (SNS API reference); "Deleting an
Amazon SNS topic and subscription" (SNS developer guide); AWS::SNS::Subscription (CloudFormation resource reference).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

from tests.contract.notifications.conftest import Notifications
from tests.waiting import eventually


def address() -> str:
    return f"{uuid.uuid4().hex[:8]}@example.com"


def shown(cloud: Notifications, topic: str) -> dict[str, str]:
    """Address → SubscriptionArn, as the list shows it."""
    listed = cloud.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    return {one["Endpoint"]: one["SubscriptionArn"] for one in listed}


def follow(link: str) -> int:
    with urllib.request.urlopen(link, timeout=10) as answer:
        return int(answer.status)


def subscribe(cloud: Notifications, topic: str, to: str, **options: Any) -> str:
    return str(
        cloud.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint=to, **options)["SubscriptionArn"]
    )


def test_it_is_pending_until_the_link_is_followed(cloud: Notifications, topic: str) -> None:
    to = address()
    assert subscribe(cloud, topic, to) == "pending confirmation"
    assert shown(cloud, topic) == {to: "PendingConfirmation"}
    cloud.client("sns").publish(TopicArn=topic, Message="too early")
    assert len(cloud.mails(to)) == 1
    assert urlsplit(cloud.link(to)).netloc == urlsplit(cloud.endpoint).netloc
    assert follow(cloud.link(to)) == 200
    assert shown(cloud, topic)[to].startswith(f"{topic}:")
    counts = cloud.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (counts["SubscriptionsConfirmed"], counts["SubscriptionsPending"]) == ("1", "0")


def test_the_arn_of_a_pending_one_is_told_on_request(cloud: Notifications, topic: str) -> None:
    """Subscribe, ReturnSubscriptionArn."""
    arn = subscribe(cloud, topic, to := address(), ReturnSubscriptionArn=True)
    attributes = cloud.client("sns").get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert (attributes["PendingConfirmation"], attributes["Endpoint"]) == ("true", to)


def test_subscribing_again_mails_a_new_link(cloud: Notifications, topic: str) -> None:
    subscribe(cloud, topic, to := address())
    first = cloud.link(to)
    subscribe(cloud, topic, to)
    assert len(cloud.mails(to)) == 2
    with pytest.raises(urllib.error.HTTPError, match="400"):
        follow(first)
    follow(cloud.link(to))
    arn = shown(cloud, topic)[to]
    assert subscribe(cloud, topic, to) == arn
    assert len(cloud.mails(to)) == 2, "who has confirmed is not asked again"


def test_the_token_confirms_by_the_api_too(cloud: Notifications, topic: str) -> None:
    subscribe(cloud, topic, to := address())
    (token,) = parse_qs(urlsplit(cloud.link(to)).query)["Token"]
    api = cloud.client("sns")
    with pytest.raises(ClientError, match="Invalid parameter: Token") as refused:
        api.confirm_subscription(TopicArn=topic, Token="somebody's")
    assert refused.value.response["Error"]["Code"] == "InvalidParameter"
    assert api.confirm_subscription(TopicArn=topic, Token=token)["SubscriptionArn"] == shown(cloud, topic)[to]


def test_a_message_arrives_with_a_link_that_ends_the_subscription(cloud: Notifications, topic: str) -> None:
    subscribe(cloud, topic, to := address())
    follow(cloud.link(to))
    cloud.client("sns").publish(TopicArn=topic, Subject="Lunch", Message="It is ready.\nCome.")
    mail = cloud.mails(to)[-1]
    assert (mail.message["Subject"], mail.text.splitlines()[:2]) == ("Lunch", ["It is ready.", "Come."])
    follow(mail.links()[-1])
    assert shown(cloud, topic) == {}
    cloud.client("sns").publish(TopicArn=topic, Message="too late")
    assert len(cloud.mails(to)) == 2


def test_a_pending_one_cannot_be_ended(cloud: Notifications, topic: str) -> None:
    arn = subscribe(cloud, topic, address(), ReturnSubscriptionArn=True)
    api = cloud.client("sns")
    with pytest.raises(ClientError, match="pending confirmation"):
        api.unsubscribe(SubscriptionArn=arn)
    with pytest.raises(ClientError, match="An ARN must have at least 6 elements"):
        api.unsubscribe(SubscriptionArn="PendingConfirmation")


def test_what_nobody_confirms_is_gone_after_two_days(impatient: Notifications) -> None:
    api = impatient.client("sns")
    topic = api.create_topic(Name="forgotten")["TopicArn"]
    subscribe(impatient, topic, confirmed := address())
    follow(impatient.link(confirmed))
    arn = subscribe(impatient, topic, late := address(), ReturnSubscriptionArn=True)
    eventually(lambda: late not in shown(impatient, topic))
    assert set(shown(impatient, topic)) == {confirmed}
    with pytest.raises(urllib.error.HTTPError, match="400"):
        follow(impatient.link(late))
    with pytest.raises(ClientError, match="does not exist"):
        api.get_subscription_attributes(SubscriptionArn=arn)
    # The next one is another subscription, with a link of its own.
    assert subscribe(impatient, topic, late, ReturnSubscriptionArn=True) != arn
    follow(impatient.link(late))


@pytest.mark.parametrize("protocol", ["email-json", "sms", "application", "firehose"])
def test_what_would_reach_nobody_is_refused(cloud: Notifications, topic: str, protocol: str) -> None:
    with pytest.raises(ClientError, match=f"localcloud does not support subscriptions by {protocol}"):
        cloud.client("sns").subscribe(TopicArn=topic, Protocol=protocol, Endpoint="x")


def template(*addresses: str) -> str:
    resources: dict[str, Any] = {"Topic": {"Type": "AWS::SNS::Topic"}}
    for number, to in enumerate(addresses):
        properties = {"TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": to}
        resources[f"Subscription{number}"] = {"Type": "AWS::SNS::Subscription", "Properties": properties}
    return json.dumps({"Resources": resources, "Outputs": {"Topic": {"Value": {"Ref": "Topic"}}}})


def test_a_stack_neither_waits_for_a_confirmation_nor_asks_twice(cloud: Notifications) -> None:
    """AWS::SNS::Subscription; what is pending when it is removed stays until it expires."""
    api, name, first, second = cloud.client("cloudformation"), f"mail-{uuid.uuid4().hex[:8]}", address(), address()

    def settled() -> Any:
        found = api.describe_stacks(StackName=name)["Stacks"][0]
        return None if found["StackStatus"].endswith("IN_PROGRESS") else found

    api.create_stack(StackName=name, TemplateBody=template(first))
    made = eventually(settled)
    assert made["StackStatus"] == "CREATE_COMPLETE"
    topic = made["Outputs"][0]["OutputValue"]
    assert shown(cloud, topic) == {first: "PendingConfirmation"}
    api.update_stack(StackName=name, TemplateBody=template(first, second))
    assert eventually(settled)["StackStatus"] == "UPDATE_COMPLETE"
    assert [len(cloud.mails(to)) for to in (first, second)] == [1, 1]
    api.update_stack(StackName=name, TemplateBody=template(first))
    assert eventually(settled)["StackStatus"] == "UPDATE_COMPLETE"
    assert set(shown(cloud, topic)) == {first, second}
    follow(cloud.link(first))
    api.delete_stack(StackName=name)
    eventually(lambda: topic not in [one["TopicArn"] for one in cloud.client("sns").list_topics()["Topics"]])
    assert topic not in [one["TopicArn"] for one in cloud.client("sns").list_subscriptions()["Subscriptions"]]
