"""Every linter and type checker of the project finds nothing, with no rule switched off in passing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent

PYTHON = ["app", "localcloud", "roles", "tests"]

CHECKS = {
    "ruff": ["ruff", "check", *PYTHON],
    "ruff format": ["ruff", "format", "--check", *PYTHON],
    "yamllint": ["yamllint", "--strict", "."],
    "ansible-lint": ["ansible-lint", "--nocolor", "-q"],
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("check", CHECKS)
def test_finds_nothing(check: str) -> None:
    program, *arguments = CHECKS[check]
    outcome = subprocess.run([TOOLS / program, *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
