"""Which sizes of a group are collected: by the API and by a template.

Sources: "EnableMetricsCollection" and "DisableMetricsCollection" (API reference), "MetricsCollection" (template
reference): "The only valid value is 1Minute"; "if you omit" the metrics, "all metrics are enabled".
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

from tests.contract.stacks.fleet import group, template

SIZES = ["GroupDesiredCapacity", "GroupMaxSize", "GroupMinSize"]


def collected(client: Any) -> list[str]:
    enabled = group(client)["EnabledMetrics"]
    assert {one["Granularity"] for one in enabled} <= {"1Minute"}
    return sorted(one["Metric"] for one in enabled)


def test_metrics_are_enabled_and_disabled_by_name_or_all(client: Any, stack: Any) -> None:
    stack(template())
    api, fleet = client("autoscaling"), {"AutoScalingGroupName": "fleet"}
    assert collected(client) == []
    api.enable_metrics_collection(**fleet, Granularity="1Minute", Metrics=["GroupMaxSize", "GroupMinSize"])
    api.enable_metrics_collection(**fleet, Granularity="1Minute", Metrics=["GroupDesiredCapacity"])
    assert collected(client) == SIZES
    api.disable_metrics_collection(**fleet, Metrics=["GroupMaxSize"])
    assert collected(client) == ["GroupDesiredCapacity", "GroupMinSize"]
    api.enable_metrics_collection(**fleet, Granularity="1Minute")
    assert {"GroupInServiceInstances", "GroupPendingInstances", "GroupTotalCapacity", *SIZES} <= set(collected(client))
    api.disable_metrics_collection(**fleet)
    assert collected(client) == []


@pytest.mark.parametrize(
    ("granularity", "metric", "complaint"),
    [("5Minutes", "GroupMaxSize", "1Minute"), ("1Minute", "WarmPoolMinSize", "does not support WarmPoolMinSize")],
)
def test_what_is_not_valid_or_not_there_is_refused_by_name(
    client: Any, stack: Any, granularity: str, metric: str, complaint: str
) -> None:
    stack(template())
    with pytest.raises(ClientError, match=complaint):
        client("autoscaling").enable_metrics_collection(
            AutoScalingGroupName="fleet", Granularity=granularity, Metrics=[metric]
        )
    assert collected(client) == []


def test_a_template_says_what_is_collected(client: Any, stack: Any) -> None:
    chosen = [{"Granularity": "1Minute", "Metrics": SIZES}]
    assert stack(template(MetricsCollection=chosen))["StackStatus"] == "CREATE_COMPLETE"
    assert collected(client) == SIZES
    assert stack(template(MetricsCollection=[{"Granularity": "1Minute"}]), update=True)["StackStatus"] == (
        "UPDATE_COMPLETE"
    )
    assert len(collected(client)) > len(SIZES)
    assert stack(template(), update=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert collected(client) == [], "a property taken out of the template gets its default back"
