"""A release whose application never becomes healthy: what served before goes on serving, and the stack goes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.scenarios.applications import Applications
from tests.client import Load, certificate_from_acm, trusting
from tests.cloud import Cloud

pytestmark = pytest.mark.timeout(900)

# The hour that AWS tries for is two minutes here; a launch hook has ten seconds for a boot that takes two.
TIME_SCALE = 30
VARIABLES = {"fleet_launch_timeout_seconds": 300, "fleet_ready_timeout_seconds": 600}
RATE = 25
MOST_SECONDS = 480
EARLY_SECONDS = 15
FLEET = "hello-local-fleet-blue"


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = Cloud.at_a_free_place(tmp_path_factory.mktemp("hurried") / "cloud")
    outcome = cloud.command("up", f"--time-scale={TIME_SCALE}")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    try:
        yield cloud
    finally:
        cloud.down()


def updates(cloud: Cloud) -> int:
    """How often the fleet's stack was updated."""
    pages = cloud.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=FLEET)
    events = [event for page in pages for event in page["StackEvents"] if event["LogicalResourceId"] == FLEET]
    return [event["ResourceStatus"] for event in events].count("UPDATE_IN_PROGRESS")


def test_a_release_that_never_becomes_healthy_fails_no_request(hurried: Cloud, tmp_path: Path) -> None:
    first = hurried.playbook("site.yml", variables=VARIABLES)
    assert first.status == 0, first.output
    (balancer,) = hurried.client("elbv2").describe_load_balancers()["LoadBalancers"]
    load = Load(balancer["DNSName"], trusting(certificate_from_acm(hurried, tmp_path)), RATE)

    never_healthy = {**VARIABLES, "image_context": str(Applications(tmp_path).never_healthy())}
    with load.running(MOST_SECONDS):
        # Whoever stops waiting holds the lock until it is known how it ends.
        early = hurried.playbook(
            "playbooks/release.yml", variables={**never_healthy, "fleet_release_timeout_seconds": EARLY_SECONDS}
        )
        assert early.status != 0
        assert f"not finished after {EARLY_SECONDS} s, the limit set by fleet_release_timeout_seconds" in early.output
        assert "start the same once more" in early.output
        assert f"{FLEET} is UPDATE_" in early.output
        failed = hurried.playbook("playbooks/release.yml", variables=never_healthy)

    # CloudFormation's verdict is told, and it is not tried again by itself.
    assert failed.status != 0
    assert "CloudFormation undid what an earlier run had begun." in failed.output
    assert updates(hurried) == 1
    assert [answer for answer in load.answers if answer.failed] == []
    (release,) = {json.loads(answer.text)["release"] for answer in load.answers}
    # The first failing resource and its reason, the machine's own words, and what serves now.
    assert "nothing could be replaced for 60 minutes" in failed.output
    assert "no 200 from http://" in failed.output or "waiting for http://" in failed.output
    assert f"Deployed now: release {release}" in failed.output

    # Nothing is left of it: neither in the stack, nor in the group, nor a lock.
    again = hurried.playbook("site.yml", variables=VARIABLES)
    assert (again.status, again.changed) == (0, 0), again.output
    drift = hurried.playbook("playbooks/plan.yml", "--check", "--diff", variables=VARIABLES)
    assert (drift.status, drift.changed) == (0, 0), drift.output
