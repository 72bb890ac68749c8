"""Each way in which a request can fail is counted once, under its own name, and never tried again."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from rehearsal.load.client import Client, Outcome
from tests.unit.rehearsal.tls_server import ADDRESS, Server, certificate


def ask(url: str, pem: Path, *paths: str, new_connection: bool = False, timeout: float = 5) -> list[Outcome]:
    async def all_of_them() -> list[Outcome]:
        async with Client(url, pem, timeout) as client:
            return [await client.ask(path, new_connection=new_connection) for path in paths]

    return asyncio.run(all_of_them())


def test_an_answer_tells_who_gave_it(server: Server) -> None:
    (outcome,) = ask(server.url, server.certificate, "/")
    assert outcome == Outcome(200, 5, None, "", "i-1", "r1")


@pytest.mark.parametrize("new_connection", [False, True])
@pytest.mark.parametrize(
    ("path", "status", "failure"),
    [
        ("/reset", 0, "reset"),
        ("/close", 0, "reset"),
        ("/truncate", 200, "truncated"),
        ("/truncate-by-reset", 200, "truncated"),
        ("/status/500", 500, "5xx"),
        ("/status/502", 502, "5xx"),
        ("/status/503", 503, "5xx"),
        ("/status/404", 404, "unexpected"),
        ("/status/302", 302, "unexpected"),
    ],
)
def test_a_failure_has_its_kind_and_is_sent_once(
    server: Server, path: str, status: int, failure: str, new_connection: bool
) -> None:
    (outcome,) = ask(server.url, server.certificate, path, new_connection=new_connection)
    assert (outcome.status, outcome.failure) == (status, failure), outcome
    assert server.requests == {path: 1}
    assert outcome.release == ("r1" if status else "")


@pytest.mark.parametrize("path", ["/reset", "/close"])
def test_a_kept_connection_that_is_lost_is_not_tried_again(server: Server, path: str) -> None:
    """aiohttp by itself sends a GET a second time when a connection that it reuses turns out to be gone."""
    first, lost, next_one = ask(server.url, server.certificate, "/", path, "/")
    assert (first.failure, lost.failure, next_one.failure) == (None, "reset", None)
    assert server.requests == {"/": 2, path: 1}
    assert server.connections == 2


def test_a_connection_closed_while_idle_is_not_used(server: Server) -> None:
    async def with_a_pause() -> list[Outcome]:
        async with Client(server.url, server.certificate, 5) as client:
            first = await client.ask("/drop", new_connection=False)
            await asyncio.sleep(0.2)
            return [first, await client.ask("/", new_connection=False)]

    assert [outcome.failure for outcome in asyncio.run(with_a_pause())] == [None, None]


def test_connections_are_kept_alive_or_new_as_ordered(server: Server) -> None:
    ask(server.url, server.certificate, *["/"] * 5)
    assert server.connections == 1
    ask(server.url, server.certificate, *["/"] * 5, new_connection=True)
    assert server.connections == 6


def test_a_port_where_nobody_listens_refuses(server: Server) -> None:
    with socket.create_server((ADDRESS, 0)) as listener:
        port = listener.getsockname()[1]
    (outcome,) = ask(f"https://{ADDRESS}:{port}", server.certificate, "/")
    assert (outcome.status, outcome.failure) == (0, "refused")


def test_an_answer_that_is_too_late_is_given_up(server: Server) -> None:
    (outcome,) = ask(server.url, server.certificate, "/late/3", timeout=0.3)
    assert (outcome.status, outcome.failure) == (0, "timeout")
    assert server.requests == {"/late/3": 1}


def test_another_certificate_is_refused(server: Server, tmp_path: Path) -> None:
    other, _ = certificate(tmp_path, "other")
    (outcome,) = ask(server.url, other, "/")
    assert (outcome.status, outcome.failure) == (0, "tls")
    assert not server.requests, "Nothing may be sent to a server that is not the right one."


def test_a_certificate_for_another_address_is_refused(tmp_path: Path) -> None:
    with Server(tmp_path, certified="127.91.8.9") as server:
        (outcome,) = ask(server.url, server.certificate, "/")
    assert (outcome.failure, server.requests) == ("tls", {})


def test_a_server_that_speaks_no_tls_is_no_success(server: Server) -> None:
    with socket.create_server((ADDRESS, 0)) as listener:
        listener.settimeout(5)
        port = listener.getsockname()[1]

        async def against_plain_text() -> Outcome:
            async with Client(f"https://{ADDRESS}:{port}", server.certificate, 5) as client:
                asking = asyncio.create_task(client.ask("/", new_connection=True))
                connection, _ = await asyncio.to_thread(listener.accept)
                with connection:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    return await asking

        assert asyncio.run(against_plain_text()).failure == "tls"
