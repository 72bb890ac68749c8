"""Mails in a state directory, and the commands that read them."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from localcloud import mailbox
from localcloud.control_plane.sns import mails
from localcloud.mailbox import Mailbox, MailboxError
from localcloud.settings import Settings

TOPIC = {"arn": "arn:aws:sns:us-east-1:000000000000:alerts", "attributes": {"DisplayName": "hello grün"}}
SUBSCRIPTION = {"arn": f"{TOPIC['arn']}:1a2b", "endpoint": "operator@example.com", "token": "f" * 128}


def run(settings: Settings, command: str, number: int | None = None) -> list[str]:
    said: list[str] = []
    mailbox.run(settings, command, number, said.append)
    return said


def note(text: str) -> EmailMessage:
    return mails.notification("http://127.0.0.1:4566", TOPIC, SUBSCRIPTION, text, f"{text}: schön\n" + "x" * 1200)


def test_mails_are_numbered_as_they_arrive_and_read_once_shown(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    assert run(settings, "list") == ["No mail"]
    for number in range(1, 13):
        Mailbox(tmp_path).deliver(note(f"subject {number}"))
    lines = run(settings, "list")
    assert [line.rsplit(maxsplit=1)[1] for line in lines] == [str(number) for number in range(1, 13)]
    assert all(line.split()[1] == "unread" and "operator@example.com" in line for line in lines)
    (shown,) = run(settings, "show", 11)
    assert "Subject: subject 11\n" in shown
    assert "From: hello grün <no-reply@sns.amazonaws.com>" in shown
    assert f"subject 11: schön\n{'x' * 1200}\n" in shown
    lines = run(settings, "list")
    assert [line for line in lines if "unread" not in line] == [lines[10]]
    assert run(settings, "show", 11) == [shown]


def test_what_cannot_be_shown_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    Mailbox(tmp_path).deliver(note("one"))
    for command, number, reason in (
        ("show", 2, "there is no mail 2"),
        ("show", 0, "there is no mail 0"),
        ("show", None, "mailbox show NUMBER"),
        ("confirm", 1, "asks for no confirmation"),
    ):
        with pytest.raises(MailboxError, match=reason):
            run(settings, command, number)
    with pytest.raises(MailboxError, match="localcloud up"):
        mailbox.run(None, "list", None, print)


@pytest.fixture
def api() -> Iterator[http.server.HTTPServer]:
    """Takes the link's first use, and no second one."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            taken.append(self.path)
            self.send_response(200 if len(taken) == 1 else 400)
            self.end_headers()
            self.wfile.write(b"<Error><Message>Invalid parameter: Token</Message></Error>")

        def log_message(self, *_: object) -> None:
            """Not on the terminal."""

    taken: list[str] = []
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_confirm_follows_the_link_of_this_cloud(tmp_path: Path, api: http.server.HTTPServer) -> None:
    settings = Settings(tmp_path, port=api.server_port)
    Mailbox(tmp_path).deliver(mails.confirmation("http://127.0.0.1:1", TOPIC, SUBSCRIPTION))
    with pytest.raises(MailboxError, match="asks for no confirmation"):
        run(settings, "confirm", 1)
    Mailbox(tmp_path).deliver(mails.confirmation(settings.endpoint, TOPIC, SUBSCRIPTION))
    assert run(settings, "confirm", 2) == ["operator@example.com has confirmed"]
    with pytest.raises(MailboxError, match="Invalid parameter: Token: the link lives two days"):
        run(settings, "confirm", 2)
