"""Every role by itself on the local cloud: converge, idempotence, verify, destroy."""

from __future__ import annotations

import subprocess

import pytest

from tests.cloud import PROJECT, TOOLS, Cloud

SCENARIOS = sorted(path.parent.name for path in PROJECT.glob("molecule/*/molecule.yml"))


def test_every_role_has_a_scenario() -> None:
    assert sorted(path.parent.parent.name for path in PROJECT.glob("roles/*/tasks/main.yml")) == SCENARIOS


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_converges_stays_and_goes(cloud: Cloud, scenario: str) -> None:
    outcome = subprocess.run(
        [TOOLS / "molecule", "test", "--scenario-name", scenario],
        cwd=PROJECT,
        env={**cloud.playbook_environment, "NO_COLOR": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
