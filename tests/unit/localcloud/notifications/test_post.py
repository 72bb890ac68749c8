"""A mail's way to a mail server, which may be there or not."""

from __future__ import annotations

import logging
import queue
import socket
import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from localcloud.control_plane.sns.post import Post
from localcloud.mailbox import Mailbox
from localcloud.settings import Settings, SettingsError
from tests.waiting import eventually


class MailServer(socketserver.ThreadingTCPServer):
    """Takes every mail, and has what it took."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.taken: queue.SimpleQueue[bytes] = queue.SimpleQueue()


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say(b"220 here")
        while line := self.rfile.readline().strip().upper():
            if line == b"DATA":
                self._say(b"354 go on")
                content = b""
                while (part := self.rfile.readline()) != b".\r\n":
                    content += part
                self.server.taken.put(content)
            self._say(b"221 bye" if line == b"QUIT" else b"250 well")

    def _say(self, text: bytes) -> None:
        self.wfile.write(text + b"\r\n")


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def mail() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.com", "b@example.com", "Lunch"
    message.set_content("Schön.\n", cte="8bit")
    return message


def test_a_mail_goes_to_the_mailbox_and_to_the_server(tmp_path: Path, server: MailServer) -> None:
    Post(Settings(tmp_path, smtp=f"127.0.0.1:{server.server_address[1]}")).send(mail())
    assert b"Subject: Lunch" in server.taken.get(timeout=10)
    assert [one.message["Subject"] for one in Mailbox(tmp_path).mails()] == ["Lunch"]


def test_a_server_that_is_not_there_is_a_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        with caplog.at_level(logging.WARNING):
            Post(Settings(tmp_path, smtp=place)).send(mail())
            eventually(lambda: f"{place} does not take the mail to b@example.com" in caplog.text)
    assert len(Mailbox(tmp_path).mails()) == 1


@pytest.mark.parametrize("place", ["192.0.2.1:25", "localhost:25", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:mail"])
def test_no_mail_leaves_the_machine(tmp_path: Path, place: str) -> None:
    with pytest.raises(SettingsError, match="--smtp must be an address of 127"):
        Settings(tmp_path, smtp=place)
