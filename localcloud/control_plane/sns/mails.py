"""The mails that SNS writes, with links of the local cloud's own endpoint.

What stands in them and in which order follows the mails of SNS; the words are our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid, parseaddr
from typing import Any
from urllib.parse import urlencode

SENDER = "no-reply@sns.amazonaws.com"
DEFAULT_NAME = "AWS Notifications"
CONFIRMATION_SUBJECT = "AWS Notification - Subscription Confirmation"
DEFAULT_SUBJECT = "AWS Notification Message"

Topic = Mapping[str, Any]
Subscription = Mapping[str, Any]


def confirmation(endpoint: str, topic: Topic, subscription: Subscription) -> EmailMessage:
    """Asks the recipient to follow a link."""
    link = _link(
        endpoint,
        Action="ConfirmSubscription",
        TopicArn=topic["arn"],
        Token=subscription["token"],
        Endpoint=subscription["endpoint"],
    )
    return _mail(
        topic,
        subscription,
        CONFIRMATION_SUBJECT,
        f"""You have been subscribed to this topic:
{topic["arn"]}

To receive its messages, follow this link within two days:
{link}

If you do not want them, do nothing: without your confirmation nothing is sent to you.
""",
    )


def notification(
    endpoint: str, topic: Topic, subscription: Subscription, subject: str | None, text: str
) -> EmailMessage:
    """A message of the topic, with the link that ends the subscription below it."""
    link = _link(
        endpoint,
        Action="Unsubscribe",
        SubscriptionArn=subscription["arn"],
        Endpoint=subscription["endpoint"],
    )
    footer = f"--\nTo receive no more messages from this topic, follow this link:\n{link}\n"
    return _mail(topic, subscription, subject or DEFAULT_SUBJECT, f"{text.rstrip()}\n\n{footer}")


def _mail(topic: Topic, subscription: Subscription, subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = formataddr((topic["attributes"].get("DisplayName") or DEFAULT_NAME, SENDER))
    message["To"] = parseaddr(subscription["endpoint"])[1] or subscription["endpoint"]
    message["Subject"] = " ".join(subject.splitlines())
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain="localcloud.invalid")
    message["X-Mailer"] = "localcloud, which is not AWS"
    message.set_content(text, cte="8bit")
    return message


def _link(endpoint: str, **query: str) -> str:
    return f"{endpoint}/?{urlencode(query)}"
