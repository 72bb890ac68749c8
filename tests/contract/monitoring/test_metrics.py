"""The API of metrics. Sources: PutMetricData, ListMetrics, GetMetricStatistics, GetMetricData (API reference)."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.monitoring.account import MINUTE, Account

DIMENSIONS = [{"Name": "group", "Value": "blue"}]


@pytest.fixture(scope="module")
def begin(account: Account) -> float:
    """Two minutes were measured: the first began then, the second one minute later."""
    at = time.time() // MINUTE * MINUTE - 10 * MINUTE
    measured = {"MetricName": "load", "Dimensions": DIMENSIONS, "Unit": "Percent"}
    account.cloudwatch.put_metric_data(
        Namespace="numbers",
        MetricData=[
            {**measured, "Timestamp": at, "Value": 4},
            {**measured, "Timestamp": at + 0.4 * MINUTE, "Values": [1, 3], "Counts": [2, 1]},
            {**measured, "Timestamp": at + 0.9 * MINUTE, "Value": 1},
            {**measured, "Timestamp": at + 1.5 * MINUTE, "Value": 7},
            {**measured, "Dimensions": [], "Timestamp": at, "Value": 100},
            {**measured, "MetricName": "hits", "Timestamp": at, "Value": 5, "Unit": "Count"},
        ],
    )
    return at


def statistics(account: Account, begin: float, **asked: Any) -> list[dict[str, Any]]:
    given = {
        "Namespace": "numbers",
        "MetricName": "load",
        "Dimensions": DIMENSIONS,
        "StartTime": begin,
        "EndTime": begin + 5 * MINUTE,
        "Period": 60,
        **asked,
    }
    points: list[dict[str, Any]] = account.cloudwatch.get_metric_statistics(**given)["Datapoints"]
    return points


def test_statistics_of_each_minute(account: Account, begin: float) -> None:
    names = ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]
    points = statistics(account, begin, Statistics=names)
    found = [{name: point[name] for name in names} for point in points]
    assert found == [
        {"SampleCount": 5, "Average": 2, "Sum": 10, "Minimum": 1, "Maximum": 4},
        {"SampleCount": 1, "Average": 7, "Sum": 7, "Minimum": 7, "Maximum": 7},
    ]
    assert [point["Timestamp"].timestamp() for point in points] == [begin, begin + MINUTE]
    assert {point["Unit"] for point in points} == {"Percent"}


def test_a_period_is_one_of_the_clouds_own_time(account: Account, begin: float) -> None:
    """Five minutes last five seconds where a minute lasts one, and begin at a multiple of them."""
    start = begin // (5 * MINUTE) * 5 * MINUTE
    points = statistics(account, start, Period=300, Statistics=["Sum"], EndTime=start + 10 * MINUTE)
    assert sum(point["Sum"] for point in points) == 17
    assert all(point["Timestamp"].timestamp() % (5 * MINUTE) == 0 for point in points)


def test_percentiles(account: Account, begin: float) -> None:
    points = statistics(account, begin, ExtendedStatistics=["p50", "p99", "p100"])
    assert points[0]["ExtendedStatistics"] == {"p50": 1, "p99": pytest.approx(3.96), "p100": 4}


def test_units_are_asked_for(account: Account, begin: float) -> None:
    assert len(statistics(account, begin, Statistics=["Sum"], Unit="Percent")) == 2
    assert statistics(account, begin, Statistics=["Sum"], Unit="Count") == []


def test_data_of_several_metrics_and_of_what_is_computed_from_them(account: Account, begin: float) -> None:
    def stat(query_id: str, name: str, **options: Any) -> dict[str, Any]:
        metric = {"Namespace": "numbers", "MetricName": name, "Dimensions": DIMENSIONS}
        return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, **options}

    response = account.cloudwatch.get_metric_data(
        MetricDataQueries=[
            stat("load", "load", Label="percent"),
            stat("hits", "hits", ReturnData=False),
            {"Id": "each", "Expression": "load / hits"},
            stat("nothing", "never measured"),
        ],
        StartTime=begin,
        EndTime=begin + 5 * MINUTE,
        ScanBy="TimestampAscending",
    )
    results = {result["Id"]: result for result in response["MetricDataResults"]}
    assert results.keys() == {"load", "each", "nothing"}
    assert (results["load"]["Label"], results["load"]["Values"]) == ("percent", [10, 7])
    assert [at.timestamp() for at in results["load"]["Timestamps"]] == [begin, begin + MINUTE]
    assert results["each"]["Values"] == [2]
    assert (results["nothing"]["Label"], results["nothing"]["Values"]) == ("never measured", [])


def test_metrics_are_listed_by_what_they_have(account: Account, begin: float) -> None:
    def names(**asked: Any) -> list[tuple[str, int]]:
        found = account.cloudwatch.list_metrics(Namespace="numbers", **asked)["Metrics"]
        return sorted((metric["MetricName"], len(metric["Dimensions"])) for metric in found)

    assert names() == [("hits", 1), ("load", 0), ("load", 1)]
    assert names(MetricName="load", Dimensions=[{"Name": "group"}]) == [("load", 1)]
    assert names(Dimensions=[{"Name": "group", "Value": "green"}]) == []
    assert names(RecentlyActive="PT3H") == names()


def test_statistic_sets(account: Account, begin: float) -> None:
    whole = {"SampleCount": 4, "Sum": 20, "Minimum": 2, "Maximum": 9}
    datum = {"MetricName": "set", "Timestamp": begin, "StatisticValues": whole, "Dimensions": DIMENSIONS}
    account.cloudwatch.put_metric_data(Namespace="numbers", MetricData=[datum])
    [point] = statistics(account, begin, MetricName="set", Statistics=["SampleCount", "Sum", "Minimum", "Maximum"])
    assert {name: point[name] for name in whole} == whole
    # "Percentile statistics are not available for metrics published as statistic sets", but for one of equal values.
    [point] = statistics(account, begin, MetricName="set", ExtendedStatistics=["p50"])
    assert point.get("ExtendedStatistics", {}) == {}


@pytest.mark.parametrize(
    ("datum", "message"),
    [
        ({}, "Exactly one of the parameters"),
        ({"Value": 1, "Values": [1]}, "Exactly one of the parameters"),
        ({"Values": [1, 2], "Counts": [1]}, "same size"),
        ({"Value": float("nan")}, "not a finite number"),
        ({"Value": 1, "StorageResolution": 1}, "localcloud does not support StorageResolution 1"),
        ({"Value": 1, "Timestamp": datetime.now(UTC) - timedelta(days=15)}, "past two weeks"),
        ({"Value": 1, "Timestamp": datetime.now(UTC) + timedelta(hours=3)}, "next two hours"),
        ({"Value": 1, "Unit": "Furlongs"}, "enum value set"),
    ],
)
def test_a_request_with_a_bad_datum_keeps_nothing(account: Account, datum: dict[str, Any], message: str) -> None:
    good = {"MetricName": "good", "Value": 1}
    with pytest.raises(ClientError, match=message):
        account.cloudwatch.put_metric_data(Namespace="odd", MetricData=[good, {"MetricName": "bad", **datum}])
    assert account.cloudwatch.list_metrics(Namespace="odd")["Metrics"] == []


def test_namespaces_of_aws_are_its_own(account: Account) -> None:
    with pytest.raises(ClientError, match="The value AWS/ for parameter Namespace is invalid"):
        account.cloudwatch.put_metric_data(Namespace="AWS/EC2", MetricData=[{"MetricName": "a", "Value": 1}])


def test_a_time_that_ends_before_it_begins_is_refused(account: Account, begin: float) -> None:
    with pytest.raises(ClientError, match="StartTime must be less than"):
        statistics(account, begin, Statistics=["Sum"], EndTime=begin - 1)
    with pytest.raises(ClientError, match="localcloud does not support the statistic tm99"):
        statistics(account, begin, ExtendedStatistics=["tm99"])
