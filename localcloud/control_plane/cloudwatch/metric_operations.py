"""The API of metrics: parameters in, results out. Which time a Period is: see `periods`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from localcloud.control_plane.cloudwatch.engine import CloudWatch
from localcloud.control_plane.cloudwatch.paging import page, unix
from localcloud.control_plane.cloudwatch.periods import MINUTE
from localcloud.control_plane.cloudwatch.queries import MetricStat, Queries, Query, checked_period, invalid, parse
from localcloud.control_plane.cloudwatch.samples import Samples, checked_statistic, of_statistic_set
from localcloud.control_plane.cloudwatch.store import Metric, Scope
from localcloud.wire import AwsError

Values = dict[str, Any]

MOST_DATA_POINTS = 1440
RECENTLY_ACTIVE_MINUTES = 3 * 60
OLDEST_SECONDS, NEWEST_SECONDS = 14 * 86_400, 2 * 3600
"""From now, how far a published timestamp may be in the past and in the future."""


class MetricOperations:
    """One method per operation, called under the lock with the caller's account and region."""

    NAMES = ("GetMetricData", "GetMetricStatistics", "ListMetrics", "PutMetricData")

    def __init__(self, cloudwatch: CloudWatch, scope: Callable[[], Scope]) -> None:
        self.cloudwatch = cloudwatch
        self.store = cloudwatch.store
        self.time = cloudwatch.time
        self._scope = scope

    def PutMetricData(self, values: Values) -> None:
        namespace, now = values["Namespace"], self.cloudwatch.clock()
        if namespace.startswith("AWS/"):
            raise AwsError("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.")
        for name in ("EntityMetricData", "StrictEntityValidation"):
            if values.get(name):
                raise AwsError("InvalidParameterValue", f"localcloud does not support {name} yet")
        # All are read before one is kept: a request is accepted or refused as a whole.
        read = [(one, _samples(one), _moment(one, now)) for one in values.get("MetricData") or ()]
        for one, samples, at in read:
            metric = Metric.of({"Namespace": namespace, **one})
            self.store.add(self._scope(), metric, self.time.minute(at), one.get("Unit", "None"), samples)

    def ListMetrics(self, values: Values) -> Values:
        for name in ("IncludeLinkedAccounts", "OwningAccount"):
            if values.get(name):
                raise AwsError("InvalidParameterValue", f"localcloud does not support {name} yet")
        since = -1
        if values.get("RecentlyActive"):
            since = self.time.minute(self.cloudwatch.clock()) - RECENTLY_ACTIVE_MINUTES
        found = [
            metric.view()
            for metric, last in self.store.metrics(self._scope()).items()
            if values.get("Namespace") in (None, metric.namespace)
            and values.get("MetricName") in (None, metric.name)
            and all(_has(metric, wanted) for wanted in values.get("Dimensions") or ())
            and last >= since
        ]
        return page("Metrics", found, values, 500)

    def GetMetricStatistics(self, values: Values) -> Values:
        statistics, extended = values.get("Statistics") or (), values.get("ExtendedStatistics") or ()
        if bool(statistics) == bool(extended):
            raise AwsError("InvalidParameterCombination", "Either Statistics or ExtendedStatistics must be given.")
        for name in extended:
            checked_statistic(name, "ExtendedStatistics")
        metric, period = Metric.of(values), checked_period(values["Period"])
        points: list[Values] = []
        for begin, minutes in self._periods(values, period, (metric,)):
            for unit in self.store.units(self._scope(), metric, minutes):
                samples = self.store.samples(self._scope(), metric, minutes, unit)
                if samples is None or values.get("Unit") not in (None, unit):
                    continue
                point: Values = {name: samples.value(name) for name in statistics}
                told = {name: samples.value(name) for name in extended}
                if extended:
                    point["ExtendedStatistics"] = {name: value for name, value in told.items() if value is not None}
                points.append({"Timestamp": begin, "Unit": unit, **point})
        if len(points) > MOST_DATA_POINTS:
            raise AwsError(
                "InvalidParameterCombination",
                f"You have requested up to {len(points)} datapoints, which exceeds the limit of {MOST_DATA_POINTS}. "
                "You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
            )
        return {"Label": values["MetricName"], "Datapoints": points}

    def GetMetricData(self, values: Values) -> Values:
        for name in ("LabelOptions", "NextToken"):
            if values.get(name):
                raise invalid(f"localcloud does not support {name} of GetMetricData yet")
        queries = parse(values["MetricDataQueries"])
        results = [self._result(queries, query, values) for query in queries.returned]
        if sum(len(result["Values"]) for result in results) > values.get("MaxDatapoints", 100_800):
            raise invalid("localcloud does not support pages of GetMetricData yet: ask for a shorter time")
        return {"MetricDataResults": results, "Messages": []}

    def _result(self, queries: Queries, query: Query, values: Values) -> Values:
        metrics = [each.source.metric for each in queries.all if isinstance(each.source, MetricStat)]
        points = []
        for begin, minutes in self._periods(values, query.period, metrics):
            found = queries.value(self.store, self._scope(), query, minutes)
            if found is not None:
                points.append((begin, found[0]))
        if values.get("ScanBy") != "TimestampAscending":
            points.reverse()
        source = query.source
        return {
            "Id": query.query_id,
            "Label": query.label or (source.metric.name if isinstance(source, MetricStat) else query.query_id),
            "Timestamps": [begin for begin, _ in points],
            "Values": [value for _, value in points],
            "StatusCode": "Complete",
        }

    def _periods(self, values: Values, period: int, metrics: Iterable[Metric]) -> Iterator[tuple[float, range]]:
        """(when it begins, its minutes) of every period between StartTime and EndTime that may have data."""
        start, end, length = unix(values["StartTime"]), unix(values["EndTime"]), period // MINUTE
        if start >= end:
            raise AwsError("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
        spans = [span for metric in metrics if (span := self.store.span(self._scope(), metric))]
        if not spans:
            return
        number = max(self.time.minute(start), min(first for first, _ in spans)) // length
        newest = max(last for _, last in spans)
        while number * length <= newest and self.time.begin(number * length) < end:
            yield self.time.begin(number * length), range(number * length, (number + 1) * length)
            number += 1


def _samples(datum: Mapping[str, Any]) -> Samples:
    given = [name for name in ("Value", "Values", "StatisticValues") if name in datum]
    if len(given) != 1:
        message = "Exactly one of the parameters Value, Values and StatisticValues must be given for a metric datum."
        raise AwsError("InvalidParameterCombination", message)
    if datum.get("StorageResolution", MINUTE) != MINUTE:
        raise AwsError("InvalidParameterValue", "localcloud does not support StorageResolution 1 yet")
    if given == ["StatisticValues"]:
        numbers = datum["StatisticValues"]
        _refuse_odd(numbers.values())
        return of_statistic_set(numbers["SampleCount"], numbers["Sum"], numbers["Minimum"], numbers["Maximum"])
    measured = datum.get("Values") or [datum.get("Value", 0.0)]
    counts = datum.get("Counts") or [1] * len(measured)
    if len(counts) != len(measured):
        raise AwsError("InvalidParameterValue", "The parameters Values and Counts must have the same size.")
    _refuse_odd([*measured, *counts])
    samples = Samples()
    for value, count in zip(measured, counts, strict=True):
        samples.add({float(value): count})
    return samples


def _refuse_odd(numbers: Iterable[float]) -> None:
    for number in numbers:
        if not math.isfinite(number):
            raise AwsError("InvalidParameterValue", f"The value {number} is not a finite number.")


def _moment(datum: Mapping[str, Any], now: float) -> float:
    at = unix(datum["Timestamp"]) if "Timestamp" in datum else now
    if not now - OLDEST_SECONDS <= at <= now + NEWEST_SECONDS:
        allowed = "within the past two weeks and the next two hours"
        raise AwsError("InvalidParameterValue", f"The parameter Timestamp must specify a time {allowed}.")
    return at


def _has(metric: Metric, wanted: Mapping[str, str]) -> bool:
    return any(name == wanted["Name"] and wanted.get("Value") in (None, value) for name, value in metric.dimensions)
