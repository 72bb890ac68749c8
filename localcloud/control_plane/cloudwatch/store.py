"""The metrics of every account and region: by the minute of AWS time for a day, then by the hour, then forgotten.

AWS keeps minutes for 15 days, and hours for 15 months ("Metrics retention", CloudWatch user guide).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.control_plane.cloudwatch.samples import Samples, merged

Scope = tuple[str, str]
"""(account, region)"""

HOUR = 60
MINUTELY = 26 * HOUR
"""Minutes for which minutes are kept: an alarm with periods of less than an hour looks no further back."""
KEPT_MINUTES = 4 * 24 * HOUR
"""An alarm looks at three days at the most: a period of one, and two more."""
MOST_SERIES = 5000
"""In one account and region: beyond, those that were written to longest ago are forgotten."""


@dataclass(frozen=True)
class Metric:
    """Namespace, name and dimensions, all of which tell one metric from another."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()
    """Sorted by name."""

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Metric:
        """From parameters Namespace, MetricName and Dimensions, as several operations have them."""
        dimensions = {each["Name"]: each["Value"] for each in parameters.get("Dimensions") or ()}
        return cls(parameters["Namespace"], parameters["MetricName"], tuple(sorted(dimensions.items())))

    def view(self) -> dict[str, Any]:
        """Metric, as the API has it."""
        return {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
        }


Minutes = dict[int, dict[str, Samples]]
"""Minute → unit → samples"""


class Store:
    """Whoever uses it holds `control_plane.lock.LOCK`."""

    def __init__(self) -> None:
        self._series: dict[Scope, dict[Metric, Minutes]] = {}

    def add(self, scope: Scope, metric: Metric, minute: int, unit: str, samples: Samples) -> None:
        series = self._series.setdefault(scope, {})
        # Taken out and put in again: the order is that of the last writing.
        minutes = series.pop(metric, {})
        series[metric] = minutes
        _merge_into(minutes.setdefault(minute, {}), {unit: samples})
        if len(series) > MOST_SERIES:
            del series[next(iter(series))]

    def samples(self, scope: Scope, metric: Metric, minutes: Sequence[int], unit: str | None = None) -> Samples | None:
        """Of all these minutes together; None when nothing was measured. Without a unit, whatever the unit is."""
        return merged(
            samples
            for by_unit in self._minutes(scope, metric, minutes)
            for found, samples in by_unit.items()
            if unit in (None, found)
        )

    def units(self, scope: Scope, metric: Metric, minutes: Sequence[int]) -> list[str]:
        return sorted({unit for by_unit in self._minutes(scope, metric, minutes) for unit in by_unit})

    def _minutes(self, scope: Scope, metric: Metric, minutes: Sequence[int]) -> Iterator[dict[str, Samples]]:
        series = self._series.get(scope, {}).get(metric, {})
        if len(series) < len(minutes):
            yield from (series[minute] for minute in sorted(series) if minutes[0] <= minute <= minutes[-1])
        else:
            yield from (series[minute] for minute in minutes if minute in series)

    def metrics(self, scope: Scope) -> dict[Metric, int]:
        """Every metric, and the last minute that something was measured in."""
        return {metric: max(minutes) for metric, minutes in self._series.get(scope, {}).items() if minutes}

    def span(self, scope: Scope, metric: Metric) -> tuple[int, int] | None:
        """(first, last) minute there is."""
        minutes = self._series.get(scope, {}).get(metric)
        return (min(minutes), max(minutes)) if minutes else None

    def forget(self, now: int) -> None:
        """At this minute: what is too old, and of what is old the minute."""
        for series in self._series.values():
            for metric, minutes in list(series.items()):
                for minute in [minute for minute in minutes if minute < now - MINUTELY]:
                    if minute < now - KEPT_MINUTES:
                        del minutes[minute]
                    elif minute % HOUR:
                        _merge_into(minutes.setdefault(minute // HOUR * HOUR, {}), minutes.pop(minute))
                if not minutes:
                    del series[metric]


def _merge_into(whole: dict[str, Samples], part: dict[str, Samples]) -> None:
    for unit, samples in part.items():
        whole.setdefault(unit, Samples()).merge(samples)
