"""A stack that does not say how large its group is never changes how large it is.

Source: DesiredCapacity of AWS::AutoScaling::AutoScalingGroup (CloudFormation template reference): what is left out of a
template is left alone. A template that named it would send a group that load has scaled out back to where it began, at
the worst of moments.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from localcloud.settings import Settings
from tests.contract.control_plane import free_port, serving
from tests.contract.stacks.fleet import Template, complete_hooks, group, in_service, refreshes
from tests.contract.stacks.test_scaling_policy import scaled
from tests.waiting import eventually

SCALED_OUT = 4


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = Settings(tmp_path_factory.mktemp("scaled-out"), port=free_port(), time_scale=100)
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield endpoint


@pytest.fixture
def sizes(client: Any, stack: Any) -> Callable[..., list[int]]:
    """sizes(body) updates the stack of a group that was scaled out: its desired capacity at every look meanwhile."""
    stack(scaled())
    eventually(lambda: in_service(client, 2))
    client("autoscaling").set_desired_capacity(AutoScalingGroupName="fleet", DesiredCapacity=SCALED_OUT)
    eventually(lambda: in_service(client, SCALED_OUT))
    seen: list[int] = []

    def look() -> None:
        seen.append(group(client)["DesiredCapacity"])
        complete_hooks(client)

    def update(body: Template, **parameters: str) -> list[int]:
        assert stack(body, update=True, meanwhile=look, **parameters)["StackStatus"] == "UPDATE_COMPLETE"
        eventually(lambda: in_service(client, SCALED_OUT))
        look()
        return seen

    return update


def unrelated(body: Template) -> None:
    body["Resources"]["Group"]["Properties"]["Tags"][0]["Value"] = "renamed"
    body["Resources"]["Group"]["Properties"]["HealthCheckGracePeriod"] = 60


def larger_maximum(body: Template) -> None:
    body["Resources"]["Group"]["Properties"]["MaxSize"] = "6"


def same_size_as_maximum(body: Template) -> None:
    body["Resources"]["Group"]["Properties"] |= {"MaxSize": "4", "MinSize": "1"}


def another_target(body: Template) -> None:
    properties = body["Resources"]["Policy"]["Properties"]
    properties["TargetTrackingConfiguration"] |= {"TargetValue": 70}


@pytest.mark.parametrize("change", [unrelated, larger_maximum, same_size_as_maximum, another_target])
def test_an_update_in_place_leaves_the_size_and_every_instance(
    client: Any, sizes: Callable[..., list[int]], change: Callable[[Template], None]
) -> None:
    before = group(client)["Instances"]
    body = scaled()
    change(body)
    assert set(sizes(body)) == {SCALED_OUT}
    assert group(client)["Instances"] == before


def test_a_refresh_replaces_as_many_as_there_are(client: Any, sizes: Callable[..., list[int]]) -> None:
    before = {instance["InstanceId"] for instance in group(client)["Instances"]}
    assert set(sizes(scaled(), Image="ami-2")) == {SCALED_OUT}
    (refresh,) = refreshes(client)
    assert (refresh["Status"], refresh["PercentageComplete"]) == ("Successful", 100)
    assert not before & {instance["InstanceId"] for instance in group(client)["Instances"]}


def test_without_its_policy_the_group_stays_as_large(client: Any, sizes: Callable[..., list[int]]) -> None:
    body = scaled()
    del body["Resources"]["Policy"]
    body["Outputs"] = {"Group": body["Outputs"]["Group"]}
    assert set(sizes(body)) == {SCALED_OUT}


def test_only_a_smaller_maximum_shrinks_it(client: Any, stack: Any, sizes: Callable[..., list[int]]) -> None:
    """UpdateAutoScalingGroup, API reference: "sets the group's desired capacity to the new MaxSize value"."""
    body = scaled()
    body["Resources"]["Group"]["Properties"]["MaxSize"] = "3"
    assert stack(body, update=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert group(client)["DesiredCapacity"] == 3
