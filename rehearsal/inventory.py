"""What an environment's own inventory says, and the few variables that must differ on the local cloud."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal import environment
from rehearsal.cloud import Cloud
from rehearsal.environment import PROJECT
from rehearsal.errors import RehearsalError

TOOLS = Path(sys.executable).parent

# What is asked of the inventory: expressions, so that templates in it are resolved.
_EXPRESSIONS = {
    "app_name": "app_name",
    "env_name": "env_name",
    "aws_account_id": "aws_account_id",
    "aws_region": "aws_region",
    "app_environment": "app_environment | default({})",
    "fleet_instance_type": "fleet_instance_type",
}
# Types of the other architecture with the same processors and memory.
_ARM_FAMILIES = {
    "t3": "t4g",
    "t3a": "t4g",
    "m5": "m6g",
    "m6i": "m6g",
    "m7i": "m7g",
    "c5": "c6g",
    "c6i": "c6g",
    "c7i": "c7g",
}
_INTEL_FAMILIES = {"t4g": "t3", "m6g": "m6i", "m7g": "m7i", "m8g": "m7i", "c6g": "c6i", "c7g": "c7i", "c8g": "c7i"}


@dataclass(frozen=True)
class Inventory:
    """One target of an environment's inventory, templates resolved."""

    path: Path
    host: str
    variables: Mapping[str, Any]

    @property
    def account(self) -> str:
        return str(self.variables["aws_account_id"])

    @property
    def region(self) -> str:
        return str(self.variables["aws_region"])

    @property
    def app_name(self) -> str:
        return str(self.variables["app_name"])

    @property
    def env_name(self) -> str:
        return str(self.variables["env_name"])


def read(name: str, clean: Mapping[str, str]) -> Inventory:
    """Read `inventories/<name>`: the first of its targets.

    :raises RehearsalError: there is no such environment, or its inventory cannot be read.
    """
    path = PROJECT / "inventories" / name
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", name) or not path.is_dir():
        there = ", ".join(sorted(folder.name for folder in (PROJECT / "inventories").iterdir() if folder.is_dir()))
        raise RehearsalError(f"ENV={name}: there is no such environment; there are {there}.")
    listed = json.loads(_ansible("ansible-inventory", path, clean, "--list"))
    hosts = listed.get("targets", {}).get("hosts", [])
    if not hosts:
        raise RehearsalError(f"{path} has no host in the group targets.")
    asked = {name: "{{ " + expression + " }}" for name, expression in _EXPRESSIONS.items()}
    answer = _ansible("ansible", path, clean, hosts[0], "-m", "debug", "-a", json.dumps({"msg": asked}))
    return Inventory(path, hosts[0], json.loads(answer[answer.index("{") :])["msg"])


def _ansible(program: str, path: Path, clean: Mapping[str, str], *words: str) -> str:
    outcome = subprocess.run(
        [TOOLS / program, "-i", path, *words],
        cwd=PROJECT,
        # One host, one answer: as JSON, whatever the project's own settings are.
        env={**clean, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_DEPRECATION_WARNINGS": "false"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if outcome.returncode != 0:
        raise RehearsalError(f"{path} cannot be read: {(outcome.stderr or outcome.stdout).strip()}")
    return outcome.stdout


def local_variables(inventory: Inventory, cloud: Cloud) -> dict[str, Any]:
    """Extra variables, which win over every inventory's: what must be local, and nothing else.

    Sizes, strategy, thresholds and windows stay the environment's own.
    """
    arm = platform.machine() in ("aarch64", "arm64")
    return {
        "controller_environment": environment.aws(cloud.endpoint, cloud.terms.account, cloud.terms.region)
        | {
            "CONTAINERS_CONF": str(cloud.state_dir / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(cloud.state_dir / "registries.conf"),
        },
        "preflight_account_hint": "The local cloud of the rehearsal does not answer.",
        # One account takes all parts: there is nobody else to pull from.
        "registry_account_id": inventory.account,
        "image_platform": f"linux/{'arm64' if arm else 'amd64'}",
        "image_base": "localhost/localcloud/python:bookworm",
        "image_pip_ca_file": "/etc/ssl/certs/ca-certificates.crt",
        "fleet_instance_type": _native(str(inventory.variables["fleet_instance_type"]), arm=arm),
        # Where the application has routes that take long, they are part of the load.
        "app_environment": {**inventory.variables["app_environment"], "EXERCISE_ROUTES": "1"},
    }


def _native(instance_type: str, *, arm: bool) -> str:
    """The instance type of the same size that runs what this machine runs; unknown ones are left to be refused."""
    family, _, size = instance_type.partition(".")
    return f"{(_ARM_FAMILIES if arm else _INTEL_FAMILIES).get(family, family)}.{size}"
