"""E-mail subscriptions: pending until the recipient follows the link, gone when nobody did within two days.

MiniStack keeps the records, of every protocol. Sources: Subscribe, ConfirmSubscription and Unsubscribe in the SNS API
reference ("Confirmation tokens are valid for two days"); "Deleting an Amazon SNS topic and subscription" in the
developer guide ("Amazon SNS automatically deletes unconfirmed subscriptions after 48 hours").
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from ministack.services import sns

from localcloud.control_plane.sns import mails
from localcloud.control_plane.sns.post import Post
from localcloud.settings import Settings
from localcloud.wire import AwsError

TOKEN_SECONDS = 2 * 24 * 3600
"""Of AWS time."""
PENDING = "PendingConfirmation"

Record = dict[str, Any]


class Subscriptions:
    """All calls happen under the lock, in the scope of the topic's account and region."""

    def __init__(self, settings: Settings, post: Post) -> None:
        self._settings = settings
        self._post = post

    def subscribe(self, topic: Record, address: str, owner: str, attributes: Mapping[str, str] = {}) -> Record:
        """The one subscription of this address. While nobody has confirmed it, each call mails a new token."""
        found = next((one for one in topic["subscriptions"] if _is(one, address)), None)
        if found is None:
            found = _record(topic, address, owner)
            topic["subscriptions"].append(found)
            sns._sub_arn_to_topic[found["arn"]] = topic["arn"]
        found["attributes"].update(attributes)
        if not found["confirmed"]:
            found["token"] = secrets.token_hex(64)
            found["expires"] = time.time() + self._settings.scaled(TOKEN_SECONDS)
            self._post.send(mails.confirmation(self._settings.endpoint, topic, found))
        sns._refresh_subscription_counts(topic)
        return found

    def confirm(self, topic: Record, token: str) -> Record:
        """Raises `AwsError` for a token that this topic did not send, or that is older than two days."""
        for one in topic["subscriptions"]:
            if one.get("token") and secrets.compare_digest(one["token"].encode(), token.encode()):
                if one.get("expires", 0) < time.time():
                    break
                one["confirmed"] = True
                one["attributes"]["PendingConfirmation"] = "false"
                sns._refresh_subscription_counts(topic)
                found: Record = one
                return found
        raise AwsError("InvalidParameter", "Invalid parameter: Token")

    def notify(self, topic: Record, subject: str | None, message: str, structure: str, attributes: Any) -> None:
        """Mails a message to everyone who has confirmed."""
        text = sns._resolve_message_for_protocol(message, structure, "email")
        for one in topic["subscriptions"]:
            if one["protocol"] == "email" and one["confirmed"] and sns._matches_filter_policy(one, attributes, text):
                self._post.send(mails.notification(self._settings.endpoint, topic, one, subject, text))


def forget_expired() -> None:
    """Deletes what nobody has confirmed in time, in every account and region."""
    now = time.time()
    for topic in list(sns._topics.all_values()):
        gone = [one for one in topic["subscriptions"] if is_pending(one) and one.get("expires", now) < now]
        for one in gone:
            remove(topic, one)


def remove(topic: Record, subscription: Record) -> None:
    """Raises nothing for one that is gone already."""
    topic["subscriptions"] = [one for one in topic["subscriptions"] if one["arn"] != subscription["arn"]]
    _, _, _, region, account, _ = topic["arn"].split(":", 5)
    sns._sub_arn_to_topic.pop_scoped(account, region, subscription["arn"], None)
    sns._refresh_subscription_counts(topic)


def is_pending(subscription: Mapping[str, Any]) -> bool:
    return subscription["protocol"] == "email" and not subscription["confirmed"]


def summary(subscription: Mapping[str, Any]) -> Record:
    """As the lists have it: one that is pending shows a word in the place of its ARN."""
    return {
        "SubscriptionArn": PENDING if not subscription["confirmed"] else subscription["arn"],
        "Owner": subscription["owner"],
        "Protocol": subscription["protocol"],
        "Endpoint": subscription["endpoint"],
        "TopicArn": subscription["topic_arn"],
    }


def of_topics(topics: list[Record]) -> Iterator[Record]:
    for topic in topics:
        for one in topic["subscriptions"]:
            yield summary(one)


def _is(subscription: Mapping[str, Any], address: str) -> bool:
    return (subscription["protocol"], subscription["endpoint"]) == ("email", address)


def _record(topic: Record, address: str, owner: str) -> Record:
    """In the shape of MiniStack's records, with when it is deleted."""
    arn = f"{topic['arn']}:{uuid.uuid4()}"
    return {
        "arn": arn,
        "protocol": "email",
        "endpoint": address,
        "confirmed": False,
        "topic_arn": topic["arn"],
        "owner": owner,
        "token": None,
        "expires": 0.0,
        "attributes": {
            "SubscriptionArn": arn,
            "TopicArn": topic["arn"],
            "Protocol": "email",
            "Endpoint": address,
            "Owner": owner,
            "ConfirmationWasAuthenticated": "false",
            "PendingConfirmation": "true",
            "RawMessageDelivery": "false",
        },
    }
