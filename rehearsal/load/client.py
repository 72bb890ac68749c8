"""One request at a time as a client sees it, through aiohttp: never retried, never redirected, TLS always verified."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from rehearsal.load.requests import Failure


class NotRetriedError(Exception):
    """A connection ended without an answer."""


async def never_retry(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Hide lost connections from aiohttp, which would send a GET again that met a connection just being closed.

    That second try is what a load balancer's users do not have, and what a release must not need.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise NotRetriedError(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Outcome:
    """What came back. `status` is 0 where nothing did."""

    status: int = 0
    size: int = 0
    failure: Failure | None = None
    detail: str = ""
    instance: str = ""
    release: str = ""


class Client:
    """Two pools: connections that are kept alive, and connections that serve one request each."""

    def __init__(self, url: str, certificate: Path, timeout: float) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(certificate)
        self._kept, self._new = (
            aiohttp.ClientSession(
                url,
                # No limit: a request that waits for a connection would make the server's stall our own.
                connector=aiohttp.TCPConnector(ssl=context, limit=0, force_close=force_close),
                timeout=aiohttp.ClientTimeout(total=timeout),
                middlewares=[never_retry],
                cookie_jar=aiohttp.DummyCookieJar(),
            )
            for force_close in (False, True)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._kept.close()
        await self._new.close()

    async def ask(self, path: str, *, new_connection: bool) -> Outcome:
        """Send one GET and read the whole answer. Never raises for what a server or a network does."""
        session = self._new if new_connection else self._kept
        status, headers = 0, {"X-Instance-Id": "", "X-Release": ""}
        failure: Failure | None = None
        size, detail = 0, ""
        try:
            async with session.get(path, allow_redirects=False) as response:
                status = response.status
                headers = {name: response.headers.get(name, "") for name in headers}
                size = len(await response.read())
            failure = None if status == 200 else "5xx" if status >= 500 else "unexpected"
        except (TimeoutError, aiohttp.ClientError, NotRetriedError, OSError) as error:
            failure, detail = _kind(error, answered=status != 0), f"{type(error).__name__}: {error}"
        return Outcome(status, size, failure, detail, headers["X-Instance-Id"], headers["X-Release"])


def _kind(error: Exception, *, answered: bool) -> Failure:
    """Name what went wrong; `answered`: the head of an answer had come."""
    if isinstance(error, asyncio.TimeoutError):
        return "timeout"
    if isinstance(error, (aiohttp.ClientSSLError, ssl.SSLError)):
        return "tls"
    if answered:
        return "truncated"
    if isinstance(error, aiohttp.ClientConnectorError):
        if isinstance(error.os_error, ConnectionRefusedError):
            return "refused"
        return "reset" if isinstance(error.os_error, ConnectionError) else "other"
    return "reset" if isinstance(error, (NotRetriedError, ConnectionError)) else "other"
