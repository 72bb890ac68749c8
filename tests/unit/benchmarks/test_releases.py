"""What a release is measured against: its ideal, from the group's own events; and a template without a policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from benchmarks.bad_releases import without_update_policy
from benchmarks.releases import ideal
from tests.cloud import PROJECT

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def activity(what: str, instance: str, start: float, end: float, status: str = "Successful") -> dict[str, Any]:
    return {
        "Description": f"{what} EC2 instance: {instance}",
        "StartTime": BEGIN + timedelta(seconds=start),
        "EndTime": BEGIN + timedelta(seconds=end),
        "StatusCode": status,
    }


def healthy_after(seconds: float) -> float:
    return (BEGIN + timedelta(seconds=seconds)).timestamp()


ACTIVITIES = [
    activity("Launching a new", "i-a", 0, 3),
    activity("Launching a new", "i-b", 25, 28),
    activity("Launching a new", "i-c", 0, 100, "Cancelled"),
    activity("Terminating", "i-1", 25, 46),
    activity("Terminating", "i-2", 50, 71),
]
PREFERENCES = {"MaxHealthyPercentage": 150, "InstanceWarmup": 60, "BakeTime": 300}


@pytest.mark.parametrize(("size", "batches"), [(1, 1), (2, 2), (6, 2), (12, 2), (7, 3)])
def test_batches_are_as_large_as_the_maximum_allows(size: int, batches: int) -> None:
    found = ideal({"Preferences": PREFERENCES}, ACTIVITIES, {"i-a": healthy_after(8)}, size, 3)
    assert found.batches == batches


def test_the_ideal_is_made_of_what_the_group_says() -> None:
    healthy = {"i-a": healthy_after(8), "i-b": healthy_after(33)}
    found = ideal({"Preferences": PREFERENCES}, ACTIVITIES, healthy, 2, 3)
    # Five seconds until the load balancer finds it healthy, in the shade of twenty of warm-up.
    assert (found.boot, found.settle, found.drain, found.bake) == (3, 20, 21, 100)
    assert found.seconds == 2 * (3 + 20) + 21 + 100

    late = {instance: moment + 60 for instance, moment in healthy.items()}
    assert ideal({"Preferences": PREFERENCES}, ACTIVITIES, late, 2, 3).settle == 65


def test_a_template_without_an_update_policy_says_all_else_the_same() -> None:
    class Loader(yaml.SafeLoader):
        """Knows that there are short forms of functions, and not what they mean."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: (suffix, node.value))
    text = (PROJECT / "cloudformation" / "fleet.yml").read_text(encoding="utf-8")
    before, after = (yaml.load(each, Loader) for each in (text, without_update_policy(text)))
    assert "UpdatePolicy" in before["Resources"]["Group"]
    assert "UpdatePolicy" not in after["Resources"]["Group"]
    assert after["Resources"].keys() == before["Resources"].keys()
    assert after["Resources"]["Group"]["Properties"].keys() == before["Resources"]["Group"]["Properties"].keys()
