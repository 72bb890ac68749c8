"""What a load balancer answered: HAProxy's log lines, through a pipe from its standard output.

A pipe, because HAProxy never waits for it: a line that does not fit is dropped and counted. It holds more than 10,000
lines, where the queue of a Unix datagram socket has room for 10 (`net.unix.max_dgram_qlen`), and every worker that a
reload starts inherits it.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator, Mapping

from localcloud.desired import AnsweredRequest

log = logging.getLogger(__name__)

PIPE_BYTES = 1 << 20
"""The most that an unprivileged process may ask for (`/proc/sys/fs/pipe-max-size`)."""

MARK = "request"
"""First word of a request's line: HAProxy also logs that a proxy has stopped, or that a handshake failed."""

LOG_FORMAT = f"{MARK} %[date(0,ms)] %ST %b %s %Tr %Tc %[var(txn.target)]"
"""Milliseconds of Unix time, status to the client, backend, server, milliseconds until the target's headers and for
connecting to it (-1: never came to that), and whether a target answered."""

NO_SERVER = "<NOSRV>"
CLIENT_WENT_AWAY = 460
"""HTTP 460: the client closed the connection before an answer was there
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html)."""


class RequestLog:
    """One load balancer's. HAProxy writes to `write_end`; not thread-safe."""

    def __init__(self, load_balancer_arn: str) -> None:
        self._arn = load_balancer_arn
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        # A host that allows less gives what it allows.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.write_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._rest = b""
        self._dropped = 0

    def read(self, target_groups: Mapping[str, str]) -> Iterator[AnsweredRequest]:
        """Every request since the last call; `target_groups` is backend → ARN."""
        for line in self._lines():
            request = parsed(line, self._arn, target_groups)
            if request is not None:
                yield request

    def _lines(self) -> Iterator[str]:
        while True:
            try:
                chunk = os.read(self._read_end, PIPE_BYTES)
            except BlockingIOError:
                return
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                yield line.decode(errors="replace")

    def dropped(self, count: int) -> None:
        """`count` is what the present worker says it could not write since it started."""
        if count > self._dropped:
            missing = count - self._dropped
            log.warning(
                "%s: %d answered requests are missing in the metrics: they were not read in time", self._arn, missing
            )
        self._dropped = count

    def close(self) -> None:
        os.close(self._read_end)
        os.close(self.write_end)


def parsed(line: str, load_balancer_arn: str, target_groups: Mapping[str, str]) -> AnsweredRequest | None:
    """None for a line that is not about a request."""
    mark, _, fields = line.partition(" ")
    if mark != MARK:
        return None
    at, status, backend, server, response_ms, connect_ms, answered = fields.split(" ")
    chosen = server != NO_SERVER
    return AnsweredRequest(
        at=int(at) / 1000,
        load_balancer_arn=load_balancer_arn,
        status=int(status) if int(status) >= 100 else CLIENT_WENT_AWAY,
        target_group_arn=target_groups.get(backend) if chosen else None,
        instance_id=server if chosen else None,
        target_answered=answered == "1",
        target_seconds=int(response_ms) / 1000 if answered == "1" and int(response_ms) >= 0 else None,
        connection_failed=chosen and int(connect_ms) < 0,
    )
