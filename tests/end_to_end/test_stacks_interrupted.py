"""ansible-playbook is killed at one point after another: the next run ends what it began, and the one after is idle.

The points are the writing requests (before one arrives, and before its answer does) and lines of the output. Each has
an environment and an application of its own, because a second first deploy would find the registry of the first one.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rehearsal.scenarios.applications import Applications
from tests.cloud import PROJECT, Cloud, PlaybookRun
from tests.interruption import Line, Request, kill_at

pytestmark = pytest.mark.timeout(900)

STACKS = "tests/end_to_end/playbooks/stacks.yml"
# Registry, network and load balancer are made in this order, each with one of these requests.
REGISTRY, NETWORK, BALANCER = 1, 2, 3

FIRST_DEPLOY: dict[str, Line | Request] = {
    "certificate-imported": Request("ImportCertificate", answered=True),
    "change-set-made": Request("CreateChangeSet", REGISTRY, answered=True),
    "registry-planned": Request("ExecuteChangeSet", REGISTRY),
    "registry-executed": Request("ExecuteChangeSet", REGISTRY, answered=True),
    "registry-exposed": Request("UpdateTerminationProtection", REGISTRY),
    "network-event": Line("-local-network PublicRoute CREATE_COMPLETE"),
    "network-planned": Request("ExecuteChangeSet", NETWORK),
    "balancer-executed": Request("ExecuteChangeSet", BALANCER, answered=True),
    "balancer-exposed": Request("UpdateTerminationProtection", BALANCER),
    "balancer-complete": Line("-local-load-balancer: CREATE_COMPLETE"),
}
# What the update changes: the registry and the load balancer, in this order.
UPDATED: dict[str, Any] = {"registry_keep_images": 31, "load_balancer_deregistration_delay_seconds": 20}
UPDATE: tuple[Line | Request, ...] = (
    Request("CreateChangeSet", 1),
    Request("CreateChangeSet", 1, answered=True),
    Request("DescribeChangeSet", 1),
    Request("ExecuteChangeSet", 1),
    Request("ExecuteChangeSet", 1, answered=True),
    Line("-registry Repository UPDATE_COMPLETE"),
    Request("CreateChangeSet", 2, answered=True),
    Request("ExecuteChangeSet", 2),
    Request("ExecuteChangeSet", 2, answered=True),
    Line("-local-load-balancer TargetGroupBlue UPDATE_IN_PROGRESS"),
)
APPLICATIONS = tuple(FIRST_DEPLOY)
# Longer than the next run takes until it looks at the fleet: it finds machines that are still booting.
SLOW_SECONDS = 8


@dataclass(frozen=True)
class Environments:
    """One target for each point, all in one inventory, so that one run converges them all."""

    cloud: Cloud
    inventory: str

    def kill(self, application: str, point: Line | Request, **variables: Any) -> None:
        kill_at(point, self.cloud, STACKS, "--limit", application, inventory=self.inventory, variables=variables)

    def converge(self, **variables: Any) -> dict[str, dict[str, int]]:
        """Converge every target; the recap's counts of each."""
        run = self.cloud.playbook(STACKS, inventory=self.inventory, variables=variables)
        assert run.status == 0, run.output
        return _recaps(run)

    def settled(self) -> None:
        """Every stack is complete and protected, and no change set waits to be executed."""
        cloudformation = self.cloud.client("cloudformation")
        for application in APPLICATIONS:
            for name in ("registry", "local-network", "local-load-balancer"):
                stack = f"{application}-{name}"
                (description,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
                assert description["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stack
                assert description["EnableTerminationProtection"] is True, stack
                summaries = cloudformation.list_change_sets(StackName=stack)["Summaries"]
                assert [item for item in summaries if item["ExecutionStatus"] == "AVAILABLE"] == [], stack


def _recaps(run: PlaybookRun) -> dict[str, dict[str, int]]:
    lines = re.findall(r"^(\S+)\s+: (ok=.*)$", run.output, re.MULTILINE)
    return {host: {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", rest)} for host, rest in lines}


@pytest.fixture(scope="module")
def environments(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Environments:
    inventory = tmp_path_factory.mktemp("interrupted")
    shutil.copytree(PROJECT / "inventories/local/group_vars", inventory / "group_vars")
    _write_hosts(inventory / "hosts.yml")
    return Environments(cloud, str(inventory))


def _write_hosts(path: Path) -> None:
    lines = ["targets:", "  hosts:"]
    for application in APPLICATIONS:
        lines += [f"    {application}:", f"      app_name: {application}"]
    lines += [
        "  vars:",
        "    ansible_connection: local",
        '    ansible_python_interpreter: "{{ ansible_playbook_python }}"',
    ]
    path.write_text("\n".join(lines) + "\n")


def test_a_deploy_killed_at_any_point_is_completed_by_the_next_run(environments: Environments) -> None:
    for application, point in FIRST_DEPLOY.items():
        environments.kill(application, point)
    environments.converge()
    environments.settled()
    idle = environments.converge()
    assert {host: counts["changed"] for host, counts in idle.items()} == dict.fromkeys(APPLICATIONS, 0)

    # The update of the same environments, killed at ten points of its own.
    for application, point in zip(APPLICATIONS, UPDATE, strict=True):
        environments.kill(application, point, **UPDATED)
    environments.converge(**UPDATED)
    environments.settled()
    idle = environments.converge(**UPDATED)
    assert {host: counts["changed"] for host, counts in idle.items()} == dict.fromkeys(APPLICATIONS, 0)
    for application in APPLICATIONS:
        values = _parameters(environments.cloud, application)
        assert values == {"KeepImages": "31", "DeregistrationDelaySeconds": "20"}, application


def _parameters(cloud: Cloud, application: str) -> dict[str, str]:
    cloudformation = cloud.client("cloudformation")
    found: dict[str, str] = {}
    for name in ("registry", "local-load-balancer"):
        (stack,) = cloudformation.describe_stacks(StackName=f"{application}-{name}")["Stacks"]
        found |= {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}
    return {name: found[name] for name in ("KeepImages", "DeregistrationDelaySeconds")}


@pytest.mark.parametrize(
    "point",
    [Line("-fleet-blue Group CREATE_"), Line("TASK [fleet : Ready | ")],
    ids=["fleet is being created", "machines boot"],
)
def test_a_whole_deploy_killed_while_its_fleet_comes_up_is_completed_by_the_next_run(
    cloud: Cloud, point: Line, tmp_path: Path
) -> None:
    name = "ready" if "Ready" in point.text else "group"
    variables = {
        "env_name": name,
        "fleet_min_size": 1,
        "fleet_max_size": 2,
        "image_context": str(Applications(tmp_path).starts_slowly(SLOW_SECONDS)),
    }
    kill_at(point, cloud, "site.yml", variables=variables)
    resumed = cloud.playbook("site.yml", variables=variables)
    assert resumed.status == 0, resumed.output
    again = cloud.playbook("site.yml", variables=variables)
    assert (again.status, again.changed) == (0, 0), again.output
    removed = cloud.playbook("playbooks/teardown.yml", variables={**variables, "teardown_environment": name})
    assert removed.status == 0, removed.output
