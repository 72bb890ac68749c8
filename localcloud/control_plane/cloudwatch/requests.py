"""PutMetricAlarm's parameters, held to what the API reference says; what would be ignored is refused by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.constraints import conform
from localcloud.control_plane.cloudwatch.alarms import ACTIONS
from localcloud.control_plane.cloudwatch.evaluation import COMPARISONS
from localcloud.control_plane.cloudwatch.expressions import Expression
from localcloud.control_plane.cloudwatch.queries import MetricStat, Queries, Query, checked_period, invalid, parse
from localcloud.control_plane.cloudwatch.samples import checked_statistic
from localcloud.control_plane.cloudwatch.store import Metric
from localcloud.wire import AwsError, service_model

UNSUPPORTED = (
    "ThresholdMetricId",
    "EvaluationWindow",
    "WarmUpConfiguration",
    "EvaluationCriteria",
    "EvaluationInterval",
)
OF_ONE_METRIC = ("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
ACTING_SERVICES = ("sns", "autoscaling")
LONGEST_SECONDS = 86_400
"""EvaluationPeriods × Period. AWS allows 7 days for periods of an hour and more, which is longer than data are kept."""


def checked(parameters: Mapping[str, Any], region: str) -> tuple[dict[str, Any], Queries]:
    """(parameters without name and tags; where the data points come from). Raises `AwsError`."""
    conform(service_model("cloudwatch").operation_model("PutMetricAlarm").input_shape, parameters)
    values = {name: value for name, value in parameters.items() if name not in ("AlarmName", "Tags")}
    if not values.get("Metrics"):
        values.pop("Metrics", None)
    for name in UNSUPPORTED:
        if name in values:
            raise invalid(f"localcloud does not support {name} of alarms yet")
    _check_evaluation(values)
    for name in ACTIONS.values():
        _check_actions(values.get(name) or (), region)
    queries = _check_metrics(values) if "Metrics" in values else _check_one_metric(values)
    period = queries.returned[0].period
    if values["EvaluationPeriods"] * period > LONGEST_SECONDS:
        reference = "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)."
        raise invalid(
            reference if period < 3600 else f"localcloud does not support alarms of several days: {reference}"
        )
    return values, queries


def _check_evaluation(values: dict[str, Any]) -> None:
    for name in ("EvaluationPeriods", "ComparisonOperator", "Threshold"):
        if name not in values:
            raise AwsError("MissingParameter", f"The parameter {name} is required for an alarm.")
    if values["ComparisonOperator"] not in COMPARISONS:
        operator = values["ComparisonOperator"]
        raise invalid(f"localcloud does not support ComparisonOperator {operator}: there is no anomaly detection yet")
    values["Threshold"] = float(values["Threshold"])
    if values.get("DatapointsToAlarm", 0) > values["EvaluationPeriods"]:
        raise invalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods")
    treatment = values.get("TreatMissingData", "missing")
    if treatment not in TREATMENTS:
        raise invalid(f"Unsupported treat missing data value: {treatment}. It must be one of {', '.join(TREATMENTS)}.")
    if values.get("EvaluateLowSampleCountPercentile", "evaluate") != "evaluate":
        raise invalid("localcloud does not support EvaluateLowSampleCountPercentile ignore yet")


def _check_actions(arns: Sequence[str], region: str) -> None:
    for arn in arns:
        parts = arn.split(":", 5)
        if len(parts) < 6 or parts[0] != "arn" or not all(parts[index] for index in (1, 2, 5)):
            raise invalid(f"Invalid arn syntax: {arn}")
        if parts[2] not in ACTING_SERVICES:
            raise invalid(f"localcloud does not support alarm actions of {parts[2]} yet: {arn}")
        if parts[3] != region:
            raise invalid(f"Invalid region {parts[3]} specified. Only {region} is supported.")


def _check_metrics(values: dict[str, Any]) -> Queries:
    both = [name for name in OF_ONE_METRIC if values.get(name)]
    if both:
        raise AwsError("InvalidParameterCombination", f"The parameters Metrics and {both[0]} exclude each other.")
    queries = parse(values["Metrics"])
    if len(queries.returned) != 1:
        raise invalid("Exactly one element of the metrics list should return data.")
    if sum(isinstance(query.source, Expression) for query in queries.all) > 1:
        raise invalid("localcloud does not support more than one expression in an alarm yet")
    return queries


def _check_one_metric(values: dict[str, Any]) -> Queries:
    for name in ("MetricName", "Namespace", "Period"):
        if name not in values:
            raise AwsError("MissingParameter", f"The parameter {name} is required for an alarm on one metric.")
    if ("Statistic" in values) == ("ExtendedStatistic" in values):
        raise AwsError("InvalidParameterCombination", "Either Statistic or ExtendedStatistic must be given, not both.")
    statistic = values.get("Statistic") or checked_statistic(values["ExtendedStatistic"], "ExtendedStatistic")
    source = MetricStat(Metric.of(values), statistic, values.get("Unit"))
    return Queries([Query("m1", checked_period(values["Period"]), source)])
