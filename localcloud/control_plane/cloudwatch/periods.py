"""Periods are AWS time, timestamps are real.

A Period of 60 seconds is one minute of AWS time: it lasts 60 / time_scale real seconds. Its data point carries a real
timestamp, as everything here does, so that a client that asks for the last ten minutes sees what happened in them; at a
time scale of 10 these are a hundred data points of a minute each. Periods are aligned as on AWS: AWS time counts from
the epoch, and a period begins where that is a multiple of it.

Data are kept by the minute, the shortest period of a metric with standard resolution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

MINUTE = 60
ROUNDING = 1e-4
"""Of a minute: a moment that was computed from a minute's number must give that number again."""


@dataclass(frozen=True)
class AwsTime:
    """Minutes of AWS time, numbered since the epoch. `scaled` is `Settings.scaled`."""

    scaled: Callable[[float], float] = lambda seconds: seconds

    def minute(self, at: float) -> int:
        """The number of the minute in which a moment (Unix time) is."""
        return int(at / self.scaled(MINUTE) + ROUNDING)

    def begin(self, minute: int) -> float:
        """When a minute begins, in Unix time."""
        return minute * self.scaled(MINUTE)
