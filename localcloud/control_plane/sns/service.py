"""SNS of the local cloud: e-mail that really arrives, and alarms that are let in or not.

Topics, tags and the other protocols are MiniStack's; of those it only pretends, a subscription is refused. Whether
someone who publishes through the API may use the topic's key is not judged: here only alarms publish.
Reference: https://docs.aws.amazon.com/sns/latest/api/.
"""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import sns

from localcloud import ministack_seam as seam
from localcloud import wire
from localcloud.control_plane.lock import LOCK
from localcloud.control_plane.sns import stacks
from localcloud.control_plane.sns import subscriptions as emails
from localcloud.control_plane.sns.alarms import act
from localcloud.control_plane.sns.post import Post
from localcloud.control_plane.sns.subscriptions import Subscriptions
from localcloud.desired import Alarms
from localcloud.settings import Settings
from localcloud.wire import AwsError, Response

MODEL = wire.service_model("sns")
DELIVERED = ("email", "http", "https", "lambda", "sqs")
PAGE = 100

Fields = Mapping[str, str]
Answer = Callable[[Fields], dict[str, Any] | Response | None]
"""A result, a response that MiniStack has made, or None where the operation is MiniStack's."""


def install(settings: Settings, alarms: Alarms) -> None:
    """Once per process. Alarms whose action is a topic publish to it from then on."""
    subscriptions = Subscriptions(settings, Post(settings))
    api = _Api(subscriptions)
    sns._subscribe = _operation("Subscribe", api.subscribe, sns._subscribe)
    sns._confirm_subscription = _operation("ConfirmSubscription", api.confirm, sns._confirm_subscription)
    sns._unsubscribe = _operation("Unsubscribe", api.unsubscribe, sns._unsubscribe)
    sns._list_subscriptions = _operation("ListSubscriptions", api.list_all, sns._list_subscriptions)
    sns._list_subscriptions_by_topic = _operation(
        "ListSubscriptionsByTopic", api.list_of_topic, sns._list_subscriptions_by_topic
    )
    sns._get_subscription_attributes = _operation(
        "GetSubscriptionAttributes", lambda _: None, sns._get_subscription_attributes
    )
    sns._fanout = _mailing(subscriptions, sns._fanout)
    stacks.install(subscriptions)
    alarms.on_action("sns", act)


def _operation(name: str, answer: Answer, original: Callable[[Any], Response]) -> Callable[[Any], Response]:
    def respond(parameters: Mapping[str, Any]) -> Response:
        request_id = str(uuid.uuid4())
        fields = {key: value[0] if isinstance(value, list) else value for key, value in parameters.items()}
        try:
            with LOCK:
                emails.forget_expired()
                result = answer(fields)
        except AwsError as failure:
            return wire.error(MODEL, failure, request_id)
        if result is None:
            return original(parameters)
        if isinstance(result, tuple):
            return result
        headers = {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}
        return 200, headers, wire.serialise(MODEL, name, result, request_id)

    return respond


class _Api:
    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    def subscribe(self, fields: Fields) -> dict[str, Any] | Response | None:
        protocol, address = fields.get("Protocol", ""), fields.get("Endpoint", "")
        if protocol and protocol not in DELIVERED:
            raise AwsError("InvalidParameter", f"localcloud does not support subscriptions by {protocol} yet")
        if protocol != "email":
            return None
        topic, refused = sns._get_topic(fields.get("TopicArn", ""), "sns:Subscribe")
        if refused is not None:
            return refused  # type: ignore[no-any-return]
        if "@" not in address:
            raise AwsError("InvalidParameter", "Invalid parameter: Email address")
        attributes = {
            value: fields.get(key.replace(".key", ".value"), "")
            for key, value in fields.items()
            if key.startswith("Attributes.entry.") and key.endswith(".key")
        }
        one = self._subscriptions.subscribe(topic, address, seam.scope()[0], attributes)
        shown = one["confirmed"] or fields.get("ReturnSubscriptionArn") == "true"
        return {"SubscriptionArn": one["arn"] if shown else "pending confirmation"}

    def confirm(self, fields: Fields) -> dict[str, Any] | Response | None:
        arn = fields.get("TopicArn", "")
        with seam.request_scope(*_scope_of(arn, "TopicArn")):
            topic, refused = sns._get_topic(arn)
            if refused is not None:
                return refused  # type: ignore[no-any-return]
            if any(
                one["protocol"] != "email" and one.get("token") == fields.get("Token") for one in topic["subscriptions"]
            ):
                return None
            return {"SubscriptionArn": self._subscriptions.confirm(topic, fields.get("Token", ""))["arn"]}

    def unsubscribe(self, fields: Fields) -> dict[str, Any] | Response | None:
        arn = fields.get("SubscriptionArn", "")
        with seam.request_scope(*_scope_of(arn, "SubscriptionArn")):
            topic_arn = sns._sub_arn_to_topic.get(arn) or ""
            found = sns._find_subscription(topic_arn, arn)
            if found is None:
                return {}
            if not found["confirmed"]:
                reason = "Cannot unsubscribe a subscription that is pending confirmation"
                raise AwsError("InvalidParameter", f"Invalid parameter: SubscriptionArn Reason: {reason}")
            emails.remove(sns._topics[topic_arn], found)
            return {}

    def list_all(self, fields: Fields) -> dict[str, Any] | Response | None:
        return _page(list(emails.of_topics(list(sns._topics.values()))), fields)

    def list_of_topic(self, fields: Fields) -> dict[str, Any] | Response | None:
        topic, refused = sns._get_topic(fields.get("TopicArn", ""), "sns:ListSubscriptionsByTopic")
        if refused is not None:
            return refused  # type: ignore[no-any-return]
        return _page(list(emails.of_topics([topic])), fields)


def _scope_of(arn: str, name: str) -> tuple[str, str]:
    """(account, region) of the resource: a link in a mail is followed without credentials, which would say."""
    parts = arn.split(":")
    if len(parts) < 6:
        reason = f"An ARN must have at least 6 elements, not {len(parts)}"
        raise AwsError("InvalidParameter", f"Invalid parameter: {name} Reason: {reason}")
    return parts[4], parts[3]


def _page(found: list[dict[str, Any]], fields: Fields) -> dict[str, Any]:
    start = int(fields["NextToken"]) if fields.get("NextToken", "").isdigit() else 0
    more = start + PAGE < len(found)
    return {"Subscriptions": found[start : start + PAGE], "NextToken": str(start + PAGE) if more else None}


def _mailing(subscriptions: Subscriptions, original: Callable[..., None]) -> Callable[..., None]:
    """What is published goes to the addresses, and on to MiniStack's protocols."""
    signature = inspect.signature(original)

    def fan_out(*arguments: Any, **options: Any) -> None:
        original(*arguments, **options)
        bound = signature.bind(*arguments, **options)
        bound.apply_defaults()
        sent = bound.arguments
        with LOCK:
            topic = sns._topic_by_arn_any_scope(sent["topic_arn"])
            if topic is not None:
                attributes = sent["message_attributes"] or {}
                subscriptions.notify(topic, sent["subject"], sent["message"], sent["message_structure"], attributes)

    return fan_out
