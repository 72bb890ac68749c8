"""A local cloud for tests: its own state, port and addresses, so that one started by `make local` is left alone."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import boto3

from rehearsal.cloud import free_place

PROJECT = Path(__file__).resolve().parents[1]
LOCALCLOUD_PYTHON = PROJECT / ".venv-localcloud" / "bin" / "python"
TOOLS = Path(sys.executable).parent
ACCOUNT = "000000000000"
REGION = "us-east-1"


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that could lead to a real account."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCALCLOUD_", "ANSIBLE_"))
    }


def aws_client(endpoint: str, service: str, **options: Any) -> Any:
    """A client of a local cloud's API, as the account's root user unless `options` say otherwise."""
    identity = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "local"}
    return boto3.client(service, endpoint_url=endpoint, region_name=REGION, **(identity | options))


@dataclass(frozen=True)
class PlaybookRun:
    """What a run of ansible-playbook left: exit code, everything it printed, and the recap's counts."""

    status: int
    output: str

    @property
    def recap(self) -> dict[str, int]:
        lines = re.findall(r"^\S+\s+: (ok=.*)$", self.output, re.MULTILINE)
        assert lines, self.output
        return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", lines[-1])}

    @property
    def changed(self) -> int:
        return self.recap["changed"]


@dataclass(frozen=True)
class Cloud:
    """One local cloud, up or down."""

    state_dir: Path
    port: int
    address_block: str
    environment: Mapping[str, str] = field(default_factory=clean_environment)
    claim: IO[str] | None = field(default=None, compare=False, repr=False)

    @classmethod
    def at_a_free_place(cls, state_dir: Path) -> Cloud:
        """A cloud on the first free one of twenty ports, each with an address block of its own."""
        place = free_place(first_port=4570, first_block=100, number=20)
        return cls(state_dir, place.port, place.address_block, claim=place.claim)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run `localcloud` with this cloud's settings."""
        return subprocess.run(
            [
                LOCALCLOUD_PYTHON,
                "-m",
                "localcloud",
                *words,
                f"--state-dir={self.state_dir}",
                f"--port={self.port}",
                f"--address-block={self.address_block}",
            ],
            cwd=PROJECT,
            env={**self.environment, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )

    def up(self, *options: str) -> None:
        outcome = self.command("up", *options)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    def down(self) -> None:
        outcome = self.command("down")
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        if self.claim:
            self.claim.close()

    def client(self, service: str) -> Any:
        return aws_client(self.endpoint, service)

    @cached_property
    def playbook_environment(self) -> dict[str, str]:
        return {
            **self.environment,
            "LOCALCLOUD_ENDPOINT": self.endpoint,
            "LOCALCLOUD_STATE_DIR": str(self.state_dir),
            "PATH": f"{TOOLS}:{os.environ['PATH']}",
        }

    def playbook(
        self,
        playbook: str,
        *arguments: str,
        variables: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        inventory: str = "inventories/local",
    ) -> PlaybookRun:
        """Run a playbook of the project against this cloud.

        :param arguments: further words of the command line.
        :param variables: extra variables, passed as JSON.
        :param environment: further environment variables.
        """
        command = [str(TOOLS / "ansible-playbook"), playbook, "-i", inventory, *arguments]
        if variables:
            command += ["-e", json.dumps(variables)]
        outcome = subprocess.run(
            command,
            cwd=PROJECT,
            env={**self.playbook_environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return PlaybookRun(outcome.returncode, outcome.stdout + outcome.stderr)


@contextlib.contextmanager
def running(state_dir: Path, *options: str) -> Iterator[Cloud]:
    """A local cloud that is up, with these options of `up`; down, with nothing left, when the block is over."""
    cloud = Cloud.at_a_free_place(state_dir)
    cloud.up(*options)
    try:
        yield cloud
    finally:
        cloud.down()


def engine() -> str:
    """The container engine that works here."""
    for name in ("podman", "docker"):
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0:
            return name
    raise AssertionError("No container engine works on this machine.")
