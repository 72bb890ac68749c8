"""Three ways of telling that a deployed environment is as it should be, each as its users run it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from benchmarks.deployed import Stack
from rehearsal.environment import aws
from tests.cloud import ACCOUNT, PROJECT, REGION, TOOLS, Cloud, PlaybookRun


class NotANoopError(AssertionError):
    """Something failed or changed, so that its time says nothing."""


class Way(Protocol):
    """One way; :meth:`run` raises NotANoopError unless it ended well and says that it changed nothing."""

    name: str

    def run(self, endpoint: str) -> None:
        """Once, against the AWS API at this endpoint."""


def _expect_nothing(run: PlaybookRun) -> None:
    if run.status != 0 or run.changed != 0:
        raise NotANoopError(run.output)


class Site:
    """The whole of site.yml: preflight, certificate, image, every stack, and a request that is answered."""

    name = "site.yml"

    def __init__(self, cloud: Cloud, variables: Mapping[str, object] | None = None) -> None:
        self._cloud = cloud
        self._variables = variables

    def run(self, endpoint: str) -> None:
        _expect_nothing(
            self._cloud.playbook("site.yml", variables=self._variables, environment={"LOCALCLOUD_ENDPOINT": endpoint})
        )


class Stock:
    """The stacks alone, through amazon.aws.cloudformation tasks in one playbook."""

    name = "amazon.aws.cloudformation"

    def __init__(self, cloud: Cloud, stacks: Sequence[Stack], directory: Path) -> None:
        self._cloud = cloud
        self._variables = directory / "stacks.json"
        self._variables.write_text(json.dumps({"benchmark_stacks": [stack.as_variables() for stack in stacks]}))

    def run(self, endpoint: str) -> None:
        _expect_nothing(
            self._cloud.playbook(
                "benchmarks/stock.yml", "-e", f"@{self._variables}", environment={"LOCALCLOUD_ENDPOINT": endpoint}
            )
        )


class CommandLine:
    """The stacks alone, through `aws cloudformation deploy`, one after the other."""

    name = "aws cloudformation deploy"

    def __init__(self, cloud: Cloud, stacks: Sequence[Stack]) -> None:
        self._cloud = cloud
        self._commands = [self._command(stack) for stack in stacks]

    @staticmethod
    def _command(stack: Stack) -> list[str]:
        command = [str(TOOLS / "aws"), "cloudformation", "deploy", "--no-fail-on-empty-changeset"]
        command += [f"--stack-name={stack.name}", f"--template-file={stack.template}"]
        for option, words in (
            ("--parameter-overrides", [f"{name}={value}" for name, value in stack.parameters.items()]),
            ("--tags", [f"{name}={value}" for name, value in stack.tags.items()]),
            ("--capabilities", stack.capabilities),
        ):
            command += [option, *words] if words else []
        return command + ([f"--role-arn={stack.role_arn}"] if stack.role_arn else [])

    def run(self, endpoint: str) -> None:
        environment = {**self._cloud.environment, **aws(endpoint, ACCOUNT, REGION)}
        for command in self._commands:
            outcome = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
            output = outcome.stdout + outcome.stderr
            if outcome.returncode != 0 or "No changes to deploy" not in output:
                raise NotANoopError(output)
