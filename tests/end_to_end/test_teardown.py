"""playbooks/teardown.yml: asks, removes the environment and nothing else, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.cloud import Cloud, engine
from tests.end_to_end.conftest import everything

pytestmark = pytest.mark.timeout(900)

SMALL = {"env_name": "brief", "fleet_min_size": 1, "fleet_max_size": 2}


def instances(cloud: Cloud, group: str) -> list[str]:
    """Ids of the instances of a group."""
    (found,) = cloud.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])[
        "AutoScalingGroups"
    ]
    return [instance["InstanceId"] for instance in found["Instances"]]


def containers() -> str:
    """Names of all containers, which hold the ids of their instances."""
    return subprocess.run(
        [engine(), "ps", "--all", "--format", "{{.Names}}"], capture_output=True, text=True, check=True
    ).stdout


def left_of(name: str, machines: list[str]) -> list[str]:
    """What of a load balancer and of instances is still on this machine."""
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    places = {"/etc/hosts": Path("/etc/hosts").read_text(), "processes": processes}
    left = [f"{name} in {place}" for place, text in places.items() if name in text]
    return left + [machine for machine in machines if machine in containers()]


def test_asks_for_the_name_removes_everything_and_leaves_the_registry(cloud: Cloud) -> None:
    before = everything(cloud)
    deployed = cloud.playbook("site.yml", variables=SMALL)
    assert deployed.status == 0, deployed.output
    (balancer,) = [
        balancer
        for balancer in cloud.client("elbv2").describe_load_balancers()["LoadBalancers"]
        if balancer["DNSName"] in deployed.output
    ]
    machines = instances(cloud, "hello-brief-blue")
    assert machines
    assert all(machine in containers() for machine in machines)
    while_deployed = everything(cloud)

    wrong = cloud.playbook("playbooks/teardown.yml", variables={**SMALL, "teardown_environment": "production"})
    assert wrong.status != 0
    assert 'the name given is "production": nothing was removed' in " ".join(wrong.output.split())
    refused = cloud.playbook(
        "playbooks/teardown.yml",
        variables={**SMALL, "env_name": "other", "teardown_environment": "other", "teardown_registry": True},
    )
    assert refused.status != 0
    assert "hello-brief-fleet-blue" in refused.output
    assert everything(cloud) == while_deployed

    removed = cloud.playbook("playbooks/teardown.yml", variables={**SMALL, "teardown_environment": "brief"})
    assert removed.status == 0, removed.output
    after = everything(cloud)
    assert [stack for stack in after["stacks"] if "-brief-" in stack[0]] == []
    assert after["certificates"] == before["certificates"]
    assert "hello" in after["repositories"]
    # The API says that they are gone; what really runs follows within a few of the local cloud's half-second steps.
    deadline = time.monotonic() + 30
    while left := left_of(balancer["DNSName"], machines):
        assert time.monotonic() < deadline, left
        time.sleep(0.5)

    again = cloud.playbook("playbooks/teardown.yml", variables={**SMALL, "teardown_environment": "brief"})
    assert (again.status, again.changed) == (0, 0), again.output


def test_a_protected_load_balancer_is_refused_before_anything_is_removed(cloud: Cloud) -> None:
    variables = {**SMALL, "env_name": "kept", "teardown_environment": "kept", "load_balancer_deletion_protection": True}
    deployed = cloud.playbook("site.yml", variables=variables)
    assert deployed.status == 0, deployed.output
    before = everything(cloud)
    # What the environment has counts, and not what the inventory says meanwhile.
    unprotected = {**variables, "load_balancer_deletion_protection": False}
    refused = cloud.playbook("playbooks/teardown.yml", variables=unprotected)
    assert refused.status != 0
    said = " ".join(refused.output.split())
    assert "set load_balancer_deletion_protection: false in" in said
    assert "and run site.yml first. Nothing was removed." in said
    assert everything(cloud) == before

    # Where the deletion was begun all the same, no update is possible any more; lifted by hand, it goes on.
    cloudformation, stack = cloud.client("cloudformation"), "hello-kept-load-balancer"
    balancing = cloud.client("elbv2")
    resource = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId="LoadBalancer")
    balancer = resource["StackResourceDetail"]["PhysicalResourceId"]
    cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=stack)
    deadline = time.monotonic() + 60
    while (status := cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]) != "DELETE_FAILED":
        assert time.monotonic() < deadline, status
        time.sleep(0.5)
    balancing.modify_load_balancer_attributes(
        LoadBalancerArn=balancer, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
    )
    removed = cloud.playbook("playbooks/teardown.yml", variables=variables)
    assert removed.status == 0, removed.output
    assert [found for found in everything(cloud)["stacks"] if "-kept-" in found[0]] == []
