"""Where data points come from: a statistic of one metric, or an expression of several.

MetricDataQuery of the API, as PutMetricAlarm and GetMetricData take it; an alarm with MetricName is one with a single
query.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from localcloud.control_plane.cloudwatch.expressions import Expression
from localcloud.control_plane.cloudwatch.periods import MINUTE
from localcloud.control_plane.cloudwatch.samples import checked_statistic
from localcloud.control_plane.cloudwatch.store import Metric, Scope, Store
from localcloud.wire import AwsError

_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


@dataclass(frozen=True)
class MetricStat:
    """A statistic of a metric; without a unit, of what was measured in any."""

    metric: Metric
    statistic: str
    unit: str | None = None


@dataclass(frozen=True)
class Query:
    """One of a set. `period` is seconds of AWS time."""

    query_id: str
    period: int
    source: MetricStat | Expression
    label: str = ""
    returned: bool = True

    @property
    def refers_to(self) -> set[str]:
        """Ids of other queries."""
        return self.source.ids if isinstance(self.source, Expression) else set()


@dataclass(frozen=True)
class DataPoint:
    """`at` is when its period begins, in Unix time."""

    at: float
    value: float
    sample_count: float | None = None


class Queries:
    """A set of them, each of which an expression may name."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self.all = tuple(queries)
        self._by_id = {query.query_id: query for query in queries}

    @property
    def returned(self) -> list[Query]:
        return [query for query in self.all if query.returned]

    def value(
        self, store: Store, scope: Scope, query: Query, minutes: Sequence[int]
    ) -> tuple[float, float | None] | None:
        """(value, sample count) over these minutes, None without data; an expression has no sample count."""
        source = query.source
        if isinstance(source, Expression):
            found = {name: self.value(store, scope, self._by_id[name], minutes) for name in source.ids}
            computed = source.value({name: point and point[0] for name, point in found.items()})
            return None if computed is None else (computed, None)
        samples = store.samples(scope, source.metric, minutes, source.unit)
        value = samples.value(source.statistic) if samples else None
        return None if samples is None or value is None else (value, samples.count)


def parse(given: Sequence[Mapping[str, Any]]) -> Queries:
    """Raises `AwsError` ValidationError."""
    queries = [_query(each) for each in given]
    ids = [query.query_id for query in queries]
    for query_id in ids:
        if not _ID.fullmatch(query_id):
            raise invalid(f"The value {query_id} for parameter Id is not matching the expected pattern: {_ID.pattern}")
        if ids.count(query_id) > 1:
            raise invalid(f"The id {query_id} is used by more than one MetricDataQuery")
    periods = {query.period for query in queries if isinstance(query.source, MetricStat)}
    for query in queries:
        for name in sorted(query.refers_to):
            if name not in ids:
                raise invalid(f"Error in expression '{query.query_id}': Undefined id: {name}")
    if len(periods) > 1 and any(query.refers_to for query in queries):
        raise invalid(f"localcloud does not support metrics of different periods ({sorted(periods)}) in an expression")
    if not periods:
        raise invalid("At least one MetricDataQuery must have a MetricStat")
    _refuse_circles(queries)
    period = min(periods)
    return Queries([_with_period(query, period) for query in queries])


def checked_period(seconds: int, parameter: str = "Period") -> int:
    """Raises `AwsError`. AWS knows 1, 5, 10, 20 and 30 too, for metrics of high resolution."""
    if seconds in (1, 5, 10, 20, 30):
        raise invalid(f"localcloud does not support {parameter} {seconds}: there are no metrics of high resolution yet")
    if seconds < MINUTE or seconds % MINUTE:
        raise invalid(f"{parameter} must be 10, 20, 30 or a multiple of 60")
    return seconds


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


def _query(given: Mapping[str, Any]) -> Query:
    query_id, text = given["Id"], given.get("Expression")
    if (given.get("MetricStat") is None) == (text is None):
        raise invalid(f"MetricDataQuery {query_id} must have either MetricStat or Expression")
    if given.get("AccountId"):
        raise invalid("localcloud does not support AccountId of MetricDataQuery yet")
    label, returned = given.get("Label", ""), given.get("ReturnData", True)
    if text is not None:
        return Query(query_id, given.get("Period", 0), Expression(text), label, returned)
    stat = given["MetricStat"]
    statistic = checked_statistic(stat["Stat"], "MetricStat.Stat")
    source = MetricStat(Metric.of(stat["Metric"]), statistic, stat.get("Unit"))
    return Query(query_id, checked_period(stat["Period"]), source, label, returned)


def _with_period(query: Query, period: int) -> Query:
    """An expression has the period of its metrics."""
    if isinstance(query.source, MetricStat):
        return query
    if query.period not in (0, period):
        raise invalid(f"The period of {query.query_id} must be that of its metrics, {period}")
    return replace(query, period=period)


def _refuse_circles(queries: Sequence[Query]) -> None:
    settled: set[str] = set()
    waiting = list(queries)
    while waiting:
        ready = [query for query in waiting if query.refers_to <= settled]
        if not ready:
            raise invalid(f"Error in expression '{waiting[0].query_id}': it refers to itself")
        settled |= {query.query_id for query in ready}
        waiting = [query for query in waiting if query.query_id not in settled]
