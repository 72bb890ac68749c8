"""The way of a mail out of the local cloud: into its mailbox, and to a mail server where one is configured."""

from __future__ import annotations

import logging
import queue
import smtplib
import threading
from email.message import EmailMessage

from localcloud.mailbox import Mailbox
from localcloud.settings import Settings

log = logging.getLogger(__name__)

SMTP_SECONDS = 10.0


class Post:
    """Sends mails. A mail server that does not take one is a line in the log, and never an error of the API's."""

    def __init__(self, settings: Settings) -> None:
        self._mailbox = Mailbox(settings.state_dir)
        self._server = settings.smtp
        self._outgoing: queue.SimpleQueue[EmailMessage] = queue.SimpleQueue()
        if self._server:
            threading.Thread(target=self._relay, name="mail", daemon=True).start()

    def send(self, message: EmailMessage) -> None:
        """Never blocks for longer than writing a file takes."""
        self._mailbox.deliver(message)
        if self._server:
            self._outgoing.put(message)

    def _relay(self) -> None:
        host, _, port = self._server.rpartition(":")
        while True:
            message = self._outgoing.get()
            try:
                with smtplib.SMTP(host, int(port), timeout=SMTP_SECONDS) as server:
                    server.send_message(message)
            except (OSError, smtplib.SMTPException) as error:
                log.warning("%s does not take the mail to %s: %s", self._server, message["To"], error)
