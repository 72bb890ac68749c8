"""The mails that a local cloud has sent, and what their recipients do with them."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Protocol

from localcloud.mailbox import Mail, Mailbox


class Cloud(Protocol):
    """What has to be known of a local cloud, whoever started it."""

    @property
    def state_dir(self) -> Path: ...

    @property
    def endpoint(self) -> str: ...


def arrived(cloud: Cloud) -> list[Mail]:
    """Everything in the mailbox, in the order of arrival; it stays unread."""
    return Mailbox(cloud.state_dir).mails()


def confirm_every_address(cloud: Cloud) -> None:
    """Follow the link in every mail that asks for it, as its recipient would."""
    for mail in arrived(cloud):
        if link := mail.confirmation(cloud.endpoint):
            with urllib.request.urlopen(link, timeout=10) as answer:  # noqa: S310 (the local cloud's own, by http)
                answer.read()
