"""The mails that a local cloud has sent, and the commands that read them: `mailbox list|show N|confirm N`.

A Maildir in the state directory, so that any mail program reads it as well. A mail's number is its place in the order
of arrival; nothing is ever taken out, so it stays what it is until the cloud goes down.
"""

from __future__ import annotations

import email
import email.policy
import mailbox
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from localcloud.settings import Settings

FOLDER = "mail"
CONFIRMATION = "Action=ConfirmSubscription&"
"""What tells the link that confirms a subscription from others."""
SECONDS = 10


class MailboxError(RuntimeError):
    """A command that cannot be done; the message says what to do instead."""


@dataclass(frozen=True)
class Mail:
    """One mail. `number` counts from 1."""

    number: int
    unread: bool
    message: EmailMessage

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        return str(self.message.get_content())

    def links(self) -> list[str]:
        return re.findall(r"^https?://\S+$", self.text, re.MULTILINE)

    def confirmation(self, endpoint: str) -> str | None:
        """The link that confirms a subscription, of the local cloud at this endpoint; None: it asks for none."""
        return next((link for link in self.links() if CONFIRMATION in link and link.startswith(endpoint)), None)


class Mailbox:
    """The mails in a state directory. May be written by the server and read by a command at the same time."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / FOLDER

    def deliver(self, message: EmailMessage) -> None:
        mailbox.Maildir(self._folder).add(message.as_bytes())

    def mails(self) -> list[Mail]:
        """In the order of arrival."""
        return [
            Mail(number, self._unread(key).exists(), self._read(key))
            for number, key in enumerate(self._keys(), start=1)
        ]

    def mail(self, number: int) -> Mail:
        """Marks it as read. Raises `MailboxError` when there is none with this number."""
        keys = self._keys()
        if not 1 <= number <= len(keys):
            raise MailboxError(f"there is no mail {number}: `python -m localcloud mailbox list` has the numbers")
        key = keys[number - 1]
        unread = self._unread(key)
        found = Mail(number, unread.exists(), self._read(key))
        if found.unread:
            unread.rename(self._folder / "cur" / f"{key}:2,S")
        return found

    def _keys(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        return sorted(mailbox.Maildir(self._folder, create=False).keys(), key=_arrival)

    def _unread(self, key: str) -> Path:
        return self._folder / "new" / key

    def _read(self, key: str) -> EmailMessage:
        content = mailbox.Maildir(self._folder, create=False).get_bytes(key)
        message: Any = email.message_from_bytes(content, policy=email.policy.default)
        return message  # type: ignore[no-any-return]


def _arrival(key: str) -> tuple[int, ...]:
    """Seconds, microseconds and count within the process, of which the library makes a mail's file name."""
    found = re.match(r"(\d+)\.M(\d+)P\d+Q(\d+)\.", key)
    return tuple(int(part) for part in found.groups()) if found else (0, 0, 0)


# --- commands ---------------------------------------------------------------------------------------------


def run(settings: Settings | None, command: str, number: int | None, say: Callable[[str], None]) -> None:
    """Raises `MailboxError`."""
    if settings is None:
        raise MailboxError("no local cloud was started here: `python -m localcloud up`")
    box = Mailbox(settings.state_dir)
    if command == "list":
        for line in _lines(box.mails()):
            say(line)
    elif number is None:
        raise MailboxError(f"which one? `python -m localcloud mailbox {command} NUMBER`")
    elif command == "show":
        say(_shown(box.mail(number)))
    else:
        say(_confirm(settings, box.mail(number)))


def _lines(mails: list[Mail]) -> Iterator[str]:
    if not mails:
        yield "No mail"
    for mail in mails:
        to, date = (str(mail.message[name]) for name in ("To", "Date"))
        yield f"{mail.number:>4} {'unread' if mail.unread else '      '}  {date}  {to}  {mail.subject}"


def _shown(mail: Mail) -> str:
    headers = [f"{name}: {mail.message[name]}" for name in ("From", "To", "Date", "Subject")]
    return "\n".join([*headers, "", mail.text.rstrip("\n")])


def _confirm(settings: Settings, mail: Mail) -> str:
    """Follows the link, as its recipient would, without credentials."""
    link = mail.confirmation(settings.endpoint)
    if link is None:
        raise MailboxError(f"mail {mail.number} asks for no confirmation")
    try:
        with urllib.request.urlopen(link, timeout=SECONDS):  # noqa: S310  # our own endpoint, by http
            return f"{mail.message['To']} has confirmed"
    except urllib.error.HTTPError as error:
        answer = re.search(r"<Message>(.*?)</Message>", error.read().decode("utf-8", "replace"))
        reason = answer.group(1) if answer else str(error)
        raise MailboxError(f"{reason}: the link lives two days and is the newest mail's; subscribe again") from error
    except OSError as error:
        raise MailboxError(f"the local cloud does not answer ({error}): `python -m localcloud up`") from error
