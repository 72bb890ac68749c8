"""A fleet that shrinks under load: who is served by the instance that leaves is served to the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.record import questions
from tests.client import Load, certificate_from_acm, trusting
from tests.cloud import Cloud
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(600)

ENVIRONMENT = "shrinking"
GROUP = f"hello-{ENVIRONMENT}-blue"
SMALLEST, SCALED_OUT = 2, 3
SLOW_SECONDS = 6.0
"""Of the slow requests: less than load_balancer_deregistration_delay_seconds of inventories/local."""
RATE = 5


def members(cloud: Cloud) -> dict[str, str]:
    """Instance id → lifecycle state."""
    api = cloud.client("autoscaling")
    (group,) = api.describe_auto_scaling_groups(AutoScalingGroupNames=[GROUP])["AutoScalingGroups"]
    return {item["InstanceId"]: item["LifecycleState"] for item in group["Instances"]}


def serving(load: Load) -> set[str]:
    """Those that answered in the last seconds."""
    return {answer.instance_id for answer in load.answers if answer.sent_at > time.time() - 2 * SLOW_SECONDS}


@pytest.fixture
def load(cloud: Cloud, tmp_path: Path) -> Iterator[Load]:
    """Slow requests, of which every instance has several at any moment."""
    variables = {"env_name": ENVIRONMENT, "app_environment": {"EXERCISE_ROUTES": "1"}}
    run = cloud.playbook("site.yml", variables=variables)
    assert run.status == 0, run.output
    outputs = questions.Environment(cloud.client, "hello", ENVIRONMENT).outputs("load-balancer")
    trust = trusting(certificate_from_acm(cloud, tmp_path, ENVIRONMENT))
    yield Load(outputs["LoadBalancerDnsName"], trust, RATE, f"/exercise/slow?seconds={SLOW_SECONDS:g}")
    gone = cloud.playbook(
        "playbooks/teardown.yml", variables={"env_name": ENVIRONMENT, "teardown_environment": ENVIRONMENT}
    )
    assert gone.status == 0, gone.output


def test_no_request_fails_that_the_leaving_instance_was_answering(cloud: Cloud, load: Load) -> None:
    api = cloud.client("autoscaling")
    api.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=SCALED_OUT)
    eventually(
        lambda: list(members(cloud).values()) == ["InService"] * SCALED_OUT, "the group is scaled out", seconds=120
    )
    with load.running(most_seconds=240):
        eventually(lambda: serving(load) == set(members(cloud)), "every instance answers", seconds=90)
        shrunk_at = time.time()
        api.set_desired_capacity(AutoScalingGroupName=GROUP, DesiredCapacity=SMALLEST)
        (leaving,) = (name for name, state in members(cloud).items() if state.startswith("Terminating"))
        eventually(lambda: leaving not in members(cloud), "the instance has left", seconds=90)
        left_at = time.time()
        # Who was sent to it by mistake would not have been answered yet.
        eventually(lambda: max(answer.sent_at for answer in load.answers) > left_at, "load goes on", seconds=30)
    assert [answer for answer in load.answers if answer.failed] == []
    under_way = [
        answer
        for answer in load.answers
        if answer.instance_id == leaving and answer.sent_at < shrunk_at < answer.sent_at + answer.seconds
    ]
    assert len(under_way) >= 2, "The instance was answering nobody when it was told to leave."
    late = [answer for answer in load.answers if answer.instance_id == leaving and answer.sent_at > shrunk_at + 2]
    assert late == [], "It was sent requests after it had been deregistered."
