"""The page's one time axis: moments as percentages of its width, and where its ticks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
_MOST_TICKS = 9


@dataclass(frozen=True)
class Tick:
    """A labelled moment. `at` in percent of the axis; `minor` ones have no room on a telephone."""

    at: float
    label: str
    minor: bool


@dataclass(frozen=True)
class Axis:
    """From `first` to `last`, counted from `zero`, in Unix time."""

    first: float
    last: float
    zero: float

    def percent(self, moment: float) -> float:
        """Position of a moment; what lies outside is moved to the edge."""
        share = (moment - self.first) / (self.last - self.first)
        return round(100 * min(1.0, max(0.0, share)), 3)

    @property
    def ticks(self) -> Sequence[Tick]:
        span = self.last - self.first
        step = next((step for step in _STEPS if span / step <= _MOST_TICKS), _STEPS[-1])
        lowest = -int((self.zero - self.first) // step)
        highest = int((self.last - self.zero) // step)
        return [
            Tick(self.percent(self.zero + number * step), clock(number * step), number % 2 == 1)
            for number in range(lowest, highest + 1)
        ]


def clock(seconds: float) -> str:
    """Minutes and seconds from zero, such as `1:30` or `−0:15`."""
    minutes, rest = divmod(round(abs(seconds)), 60)
    return f"{'−' if seconds < 0 else ''}{minutes}:{rest:02}"
