"""What finding out that nothing has to be done asks of AWS: a fixed number of requests, however large the fleet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import noop
from tests.cloud import Cloud

pytestmark = pytest.mark.timeout(900)

# An environment of its own: the one that other tests share keeps its size.
VARIABLES: dict[str, Any] = {"env_name": "calls", "fleet_max_size": 4}


@pytest.fixture
def environment(cloud: Cloud) -> Iterator[dict[str, Any]]:
    yield VARIABLES
    removed = cloud.playbook("playbooks/teardown.yml", variables={**VARIABLES, "teardown_environment": "calls"})
    assert removed.status == 0, removed.output


def test_the_number_of_requests_does_not_grow_with_the_number_of_instances(
    cloud: Cloud, environment: dict[str, Any]
) -> None:
    two = noop.calls_with_instances(cloud, 2, environment)
    four = noop.calls_with_instances(cloud, 4, environment)
    print(f"\nA run that changes nothing sends {two.total()} requests:")
    print("\n".join(f"{count:4} {name}" for name, count in sorted(two.items())))
    # The proxy was not passed by, and the fleet has the size that the comparison is about.
    assert two["sts:GetCallerIdentity"] >= 1
    (group,) = cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["hello-calls-blue"])[
        "AutoScalingGroups"
    ]
    assert len(group["Instances"]) == 4
    assert four == two
