"""A deploy that cannot succeed: ends within its deadline, says why, and leaves nothing the next run cannot repair."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from rehearsal.scenarios.applications import Applications
from tests.cloud import Cloud
from tests.interruption import Line, kill_at

pytestmark = pytest.mark.timeout(900)

# One instance and the shortest deadlines that the templates allow.
SMALL: dict[str, Any] = {
    "fleet_min_size": 1,
    "fleet_max_size": 2,
    "fleet_launch_timeout_seconds": 60,
    "fleet_ready_timeout_seconds": 75,
}


@pytest.fixture(scope="module")
def broken_application(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The application, with a health check that never answers 200."""
    return Applications(tmp_path_factory.mktemp("application")).never_healthy()


@pytest.mark.parametrize("cause", ["boot script", "health"])
def test_names_the_cause_and_the_next_run_repairs(cloud: Cloud, broken_application: Path, cause: str) -> None:
    env_name = "boot" if cause == "boot script" else "health"
    if cause == "boot script":
        # The script asks SSM for a parameter that does not exist.
        fault: dict[str, Any] = {"app_secrets": {"TOKEN": f"ssm:/hello/{env_name}/missing"}}
        sentence = "ParameterNotFound"
    else:
        fault = {"image_context": str(broken_application)}
        sentence = "no 200 from http://127."
    environment = {"env_name": env_name, **SMALL}

    start = time.monotonic()
    run = cloud.playbook("site.yml", variables={**environment, **fault})
    elapsed = time.monotonic() - start
    assert run.status != 0
    assert sentence in run.output, run.output
    assert "--- console of i-" in run.output
    assert "Not there yet: as many healthy targets as the group desires" in run.output
    assert "Unknown error" not in run.output
    # The deadline, and what comes before and after it on a busy machine.
    assert elapsed < SMALL["fleet_ready_timeout_seconds"] + 120

    repaired = cloud.playbook("site.yml", variables=environment)
    assert repaired.status == 0, repaired.output
    again = cloud.playbook("site.yml", variables=environment)
    assert again.changed == 0, again.output
    removed = cloud.playbook("playbooks/teardown.yml", variables={**environment, "teardown_environment": env_name})
    assert removed.status == 0, removed.output


def test_a_first_fleet_that_never_served_is_no_hindrance(cloud: Cloud, broken_application: Path) -> None:
    """It could not be created; then its application was broken, and its controller gone. What mends it is released."""
    environment = {"env_name": "never", **SMALL}
    refused = cloud.playbook("site.yml", variables={**environment, "fleet_machine_image_id": "ami-00000000000000000"})
    assert refused.status != 0
    assert "No fleet is deployed." in refused.output, refused.output

    broken = {**environment, "image_context": str(broken_application)}
    kill_at(Line("TASK [fleet : Ready | "), cloud, "site.yml", variables=broken)
    unlocked = cloud.playbook("playbooks/unlock.yml", variables=environment)
    assert unlocked.status == 0, unlocked.output

    mended = cloud.playbook("site.yml", variables=environment)
    assert mended.status == 0, mended.output
    again = cloud.playbook("site.yml", variables=environment)
    assert (again.status, again.changed) == (0, 0), again.output
    removed = cloud.playbook("playbooks/teardown.yml", variables={**environment, "teardown_environment": "never"})
    assert removed.status == 0, removed.output
