"""What is deployed, read back from CloudFormation, so that every way of deploying is given exactly the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Cloud(Protocol):
    """A local cloud, whoever started it."""

    def client(self, service: str) -> Any: ...


@dataclass(frozen=True)
class Stack:
    """One stack's own template, as a file, and everything it was given."""

    name: str
    template: Path
    parameters: dict[str, str]
    tags: dict[str, str]
    capabilities: list[str]
    role_arn: str
    termination_protection: bool

    def as_variables(self) -> dict[str, Any]:
        """For the playbook stock.yml."""
        return {
            "name": self.name,
            "template": str(self.template),
            "parameters": self.parameters,
            "tags": self.tags,
            "capabilities": self.capabilities,
            "role_arn": self.role_arn,
            "termination_protection": self.termination_protection,
        }


def stacks(cloud: Cloud, directory: Path) -> list[Stack]:
    """Every stack of the cloud in the order of creation, its template written into the directory."""
    cloudformation = cloud.client("cloudformation")
    found = []
    for description in sorted(cloudformation.describe_stacks()["Stacks"], key=lambda stack: stack["CreationTime"]):
        name = description["StackName"]
        template = directory / f"{name}.yml"
        template.write_text(
            cloudformation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"], encoding="utf-8"
        )
        found.append(
            Stack(
                name=name,
                template=template,
                parameters={item["ParameterKey"]: item["ParameterValue"] for item in description.get("Parameters", [])},
                tags={tag["Key"]: tag["Value"] for tag in description.get("Tags", [])},
                capabilities=description.get("Capabilities", []),
                role_arn=description.get("RoleARN", ""),
                termination_protection=description.get("EnableTerminationProtection", False),
            )
        )
    return found


def last_changes(cloud: Cloud) -> dict[str, str]:
    """When each stack was last changed: the same before and after what changed nothing."""
    return {
        stack["StackName"]: f"{stack['StackStatus']} {stack.get('LastUpdatedTime', stack['CreationTime'])}"
        for stack in cloud.client("cloudformation").describe_stacks()["Stacks"]
    }


def forget_change_sets(cloud: Cloud) -> None:
    """Delete what `aws cloudformation deploy` leaves behind, so that every round finds the same."""
    cloudformation = cloud.client("cloudformation")
    for name in last_changes(cloud):
        for change_set in cloudformation.list_change_sets(StackName=name)["Summaries"]:
            cloudformation.delete_change_set(ChangeSetName=change_set["ChangeSetId"])
