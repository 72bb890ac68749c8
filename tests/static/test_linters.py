"""Every linter and type checker of the project finds nothing, with no rule switched off in passing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent

PYTHON = ["app", "benchmarks", "localcloud", "plugins", "rehearsal", "roles", "tests"]

CHECKS = {
    "ruff": ["ruff", "check", *PYTHON],
    "ruff format": ["ruff", "format", "--check", *PYTHON],
    "types": ["mypy", *PYTHON],
    "yamllint": ["yamllint", "--strict", "."],
    "ansible-lint": ["ansible-lint", "--nocolor", "-q"],
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("check", CHECKS)
def test_finds_nothing(check: str) -> None:
    program, *arguments = CHECKS[check]
    outcome = subprocess.run([TOOLS / program, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_the_policy_scanner_finds_nothing_that_is_not_reasoned_away() -> None:
    scanner = PROJECT / ".venv-policy" / "bin" / "checkov"
    outcome = subprocess.run(
        [scanner, "--config-file", ".checkov.yml", "--directory", "cloudformation", "--output", "json"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    summary = json.loads(outcome.stdout)["summary"]
    assert (outcome.returncode, summary["failed"]) == (0, 0), outcome.stdout
    # A scanner that read nothing would find nothing.
    assert summary["passed"] > 20
