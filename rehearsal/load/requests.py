"""What became of each request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Failure = Literal["refused", "reset", "truncated", "timeout", "tls", "5xx", "unexpected", "other"]
"""Why a request failed: no connection was accepted; a connection ended without an answer; an answer ended too
early; the client gave up; the handshake or the certificate was wrong; a status of 500 or more; any other status but
200; anything else."""


@dataclass(frozen=True)
class Request:
    """One request. Moments are Unix time in seconds."""

    number: int
    scheduled: float
    """When it had to be sent: latency counts from here, so that a stalled server is charged for its queue."""
    sent: float
    done: float
    path: str
    new_connection: bool
    status: int
    """0: no answer came."""
    size: int
    """Bytes of the body that were received."""
    failure: Failure | None
    detail: str = ""
    instance: str = ""
    """Instance that answered; empty where it did not say so, or nothing answered."""
    release: str = ""

    @property
    def failed(self) -> bool:
        return self.failure is not None

    @property
    def latency(self) -> float:
        """Seconds from the scheduled moment."""
        return self.done - self.scheduled

    @property
    def lateness(self) -> float:
        """Seconds by which the generator itself was late: its own share of the latency."""
        return self.sent - self.scheduled

    def line(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":")) + "\n"


def read(file: Path) -> Iterator[Request]:
    """Every request of a load, in the order in which they ended."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            # The last line of a generator that was killed may be half of one.
            if line.endswith("\n"):
                yield Request(**json.loads(line))
