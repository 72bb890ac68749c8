"""A client of the load balancer that trusts nothing but the certificate it is given."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.record.questions import Environment
from tests.cloud import Cloud


def trusting(certificate: Path) -> ssl.SSLContext:
    """A context whose only trust anchor is the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certificate)
    return context


def certificate_from_acm(cloud: Cloud, directory: Path, env_name: str = "local") -> Path:
    """Fetch the environment's certificate by its tags, as any client would."""
    path = directory / f"{env_name}.pem"
    path.write_text(Environment(cloud.client, "hello", env_name).certificate())
    return path


@dataclass(frozen=True)
class Answer:
    """One request's outcome: status 0 where there was no answer, with the error as text."""

    sent_at: float
    status: int
    text: str
    instance_id: str = ""
    """Of the instance that answered, as the answer says."""
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        return self.status != 200


@dataclass
class Load:
    """Requests at a fixed rate, each on a connection of its own, nothing retried.

    Arrivals are scheduled beforehand; a slow answer does not delay the next request.
    """

    host: str
    context: ssl.SSLContext
    rate: float
    path: str = "/version"
    answers: list[Answer] = field(default_factory=list)

    def _ask(self) -> None:
        sent_at = time.time()
        connection = http.client.HTTPSConnection(self.host, timeout=15, context=self.context)
        try:
            connection.request("GET", self.path)
            response = connection.getresponse()
            text, instance_id = response.read().decode(), response.headers.get("X-Instance-Id", "")
            answer = Answer(sent_at, response.status, text, instance_id, time.time() - sent_at)
        except (OSError, http.client.HTTPException) as error:
            answer = Answer(sent_at, 0, repr(error))
        finally:
            connection.close()
        self.answers.append(answer)

    @contextmanager
    def running(self, most_seconds: float) -> Iterator[Load]:
        """Send until the block is left, and at the most for a time; then wait for every answer."""
        stop = threading.Event()
        requests: list[threading.Thread] = []

        def send() -> None:
            start = time.monotonic()
            for number in range(int(most_seconds * self.rate)):
                if stop.wait(max(0.0, start + number / self.rate - time.monotonic())):
                    return
                thread = threading.Thread(target=self._ask)
                thread.start()
                requests.append(thread)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            yield self
        finally:
            stop.set()
            sender.join()
            for thread in requests:
                thread.join()


def negotiates(host: str, version: ssl.TLSVersion, certificate: Path, protocol: str = "http/1.1") -> str | None:
    """Try one TLS version and one application protocol.

    :return: the protocol that was agreed on, or None where the handshake failed.
    """
    context = trusting(certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        # To ask for an old version is the point.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols([protocol])
    try:
        with (
            socket.create_connection((host, 443), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            return secured.selected_alpn_protocol()
    except ssl.SSLError:
        return None
