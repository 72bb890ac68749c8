"""What is to be sent, and when: fixed before the first request, so that a stalled server changes none of it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

MOST_RATE = 2000.0
MOST_SECONDS = 4 * 3600.0


class PlanError(ValueError):
    """A plan that is refused; the message names the setting."""


def check_rate(rate: float) -> None:
    """:raises PlanError: more than a generator is to send, or nothing."""
    if not 0 < rate <= MOST_RATE:
        raise PlanError(f"rate must be more than 0 and at most {MOST_RATE:g} requests/s, got {rate:g}")


@dataclass(frozen=True)
class Arrival:
    """One request. `offset` in seconds from the start of the load."""

    offset: float
    slow: bool
    new_connection: bool


@dataclass(frozen=True)
class Plan:
    """A load: `rate` in requests a second, `seconds` at the most. Times are real time, not scaled."""

    url: str
    """Scheme, host and port, without a path."""
    certificate: Path
    """PEM: the only trust anchor."""
    rate: float
    seconds: float
    path: str = "/"
    slow_paths: list[str] = field(default_factory=list)
    """Paths of requests that take long; one of them is drawn for each slow request. Empty: there are none."""
    slow_share: float = 0.02
    new_connection_share: float = 0.1
    """Requests that come on a connection of their own, the way a first-time visitor does."""
    timeout: float = 30.0
    """Seconds after which a client gives up, counted from when it sends."""
    seed: int = 1

    def __post_init__(self) -> None:
        check_rate(self.rate)
        if not 0 < self.seconds <= MOST_SECONDS:
            raise PlanError(f"seconds must be more than 0 and at most {MOST_SECONDS:g}, got {self.seconds:g}")
        for name in ("slow_share", "new_connection_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise PlanError(f"{name} must be from 0 to 1, got {getattr(self, name):g}")
        if not self.url.startswith("https://"):
            raise PlanError(f"url must begin with https://, got {self.url}")

    def arrivals(self) -> Iterator[Arrival]:
        """A Poisson process: independent users, who do not wait for each other. The same seed gives the same."""
        draw = random.Random(self.seed)  # noqa: S311 (no secret depends on it)
        offset = draw.expovariate(self.rate)
        while offset < self.seconds:
            slow = bool(self.slow_paths) and draw.random() < self.slow_share
            yield Arrival(offset, slow, draw.random() < self.new_connection_share)
            offset += draw.expovariate(self.rate)

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self) | {"certificate": str(self.certificate)}), encoding="utf-8")


def load(file: Path) -> Plan:
    values = json.loads(file.read_text(encoding="utf-8"))
    return Plan(**values | {"certificate": Path(values["certificate"])})
