"""What was measured of a metric in some time, and the statistics of it.

Source: "CloudWatch statistics definitions" and "Percentiles" (CloudWatch user guide).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from localcloud.wire import AwsError

STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{0,10})?|100)")
_OTHER = re.compile(r"iqm|(tm|wm|tc|ts|pr)[\d(].*", re.IGNORECASE)

MOST_VALUES = 500
"""Different values that are kept apart; where there are more, those that agree in three digits are one."""


@dataclass(slots=True)
class Samples:
    """Values and how often each was measured. Sum, extremes and count are exact, whatever `values` still tells."""

    count: float = 0.0
    total: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    values: dict[float, float] | None = field(default_factory=dict)
    """None: there are no percentiles, because a statistic set was published that does not tell its values."""

    def add(self, values: Mapping[float, float]) -> None:
        """Value → how often it was measured."""
        for value, count in values.items():
            self.count += count
            self.total += value * count
            self.minimum, self.maximum = min(self.minimum, value), max(self.maximum, value)
        self._tell(values)

    def merge(self, other: Samples) -> None:
        self.count += other.count
        self.total += other.total
        self.minimum, self.maximum = min(self.minimum, other.minimum), max(self.maximum, other.maximum)
        self._tell(other.values)

    def _tell(self, values: Mapping[float, float] | None) -> None:
        if self.values is None or values is None:
            self.values = None
            return
        for value, count in values.items():
            self.values[value] = self.values.get(value, 0) + count
        if len(self.values) > MOST_VALUES:
            self.values = _rounded(self.values)

    def value(self, statistic: str) -> float | None:
        """One of STATISTICS or a percentile. None: not available for these samples."""
        if not self.count:
            return None
        if statistic.startswith("p"):
            return self._percentile(float(statistic[1:]))
        return {
            "SampleCount": self.count,
            "Average": self.total / self.count,
            "Sum": self.total,
            "Minimum": self.minimum,
            "Maximum": self.maximum,
        }[statistic]

    def _percentile(self, percent: float) -> float | None:
        """Between the two samples nearest to the rank it is proportional. Not for negative values, as on AWS."""
        if not self.values or self.minimum < 0:
            return None
        rank = percent / 100 * (sum(self.values.values()) - 1)
        ordered = sorted(self.values.items())
        below = _at(ordered, int(rank))
        return below + (rank - int(rank)) * (_at(ordered, int(rank) + 1) - below)


def of_statistic_set(count: float, total: float, minimum: float, maximum: float) -> Samples:
    """There are percentiles only where it tells its values: all of them are the same ("Percentiles", user guide)."""
    told = minimum == maximum and total == minimum * count
    return Samples(count, total, minimum, maximum, {minimum: count} if told else None)


def merged(parts: Iterable[Samples]) -> Samples | None:
    result: Samples | None = None
    for part in parts:
        if result is None:
            result = Samples()
        result.merge(part)
    return result


def checked_statistic(name: str, parameter: str) -> str:
    """Raises `AwsError` for what is none, or none that there is here."""
    if name in STATISTICS or _PERCENTILE.fullmatch(name):
        return name
    if _OTHER.fullmatch(name):
        raise AwsError("ValidationError", f"localcloud does not support the statistic {name} ({parameter}) yet")
    raise AwsError("ValidationError", f"The value {name} for parameter {parameter} is not supported.")


def _rounded(values: Mapping[float, float]) -> dict[float, float]:
    result: dict[float, float] = {}
    for value, count in values.items():
        near = float(f"{value:.3g}")
        result[near] = result.get(near, 0) + count
    return result


def _at(ordered: list[tuple[float, float]], index: int) -> float:
    """The sample at this place when all are sorted."""
    seen = 0.0
    for value, count in ordered:
        seen += count
        if index < seen:
            return value
    return ordered[-1][0]
