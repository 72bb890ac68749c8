"""A CloudFormation of one stack: enough of its API, in memory, to play every status the plugin must handle."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError
from cloudformation_stack.context import Context
from cloudformation_stack.options import ARGUMENT_SPEC, build
from cloudformation_stack.template import load
from cloudformation_stack.text import Masker

ARN = "arn:aws:cloudformation:us-east-1:000000000000:stack/demo/1"
START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def client_error(operation: str, code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def no_such_stack(name: str) -> ClientError:
    return client_error("DescribeStacks", "ValidationError", f"Stack with id {name} does not exist")


class FakeCloudFormation:
    """`script` lists, per operation (CREATE, UPDATE, DELETE, CONTINUE), the events that it will make."""

    def __init__(self) -> None:
        self.stack: dict[str, Any] | None = None
        self.body: Any = ""
        self.events: list[dict[str, Any]] = []
        self.queue: list[dict[str, Any]] = []
        self.changes: list[dict[str, Any]] = []
        self.change_set_status = "CREATE_COMPLETE"
        self.change_set_reason = ""
        self.change_sets: dict[str, dict[str, Any]] = {}
        self.script: dict[str, list[list[tuple[str, str, str, str]]]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.drifts: list[dict[str, Any]] = []
        self._ids = itertools.count(1)

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            return getattr(self, f"do_{name}")(**arguments)

        if name.startswith("do_"):
            raise AttributeError(name)
        return call

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]

    def arguments(self, action: str) -> dict[str, Any]:
        return next(arguments for name, arguments in reversed(self.calls) if name == action)

    def have(self, status: str, body: Any = "", **more: Any) -> None:
        """Let there be a stack."""
        self.stack = {"StackName": "demo", "StackId": ARN, "StackStatus": status, **more}
        self.body = body
        self.add("demo", "AWS::CloudFormation::Stack", status, "", "")

    def add(self, logical_id: str, kind: str, status: str, reason: str, token: str) -> None:
        number = next(self._ids)
        physical = ARN if logical_id == "demo" else f"{logical_id}-id"
        self.events.append(
            {
                "EventId": str(number),
                "StackId": ARN,
                "StackName": "demo",
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": physical,
                "ResourceType": kind,
                "ResourceStatus": status,
                "ResourceStatusReason": reason,
                "Timestamp": START + timedelta(seconds=number),
                "ClientRequestToken": token,
            }
        )
        if logical_id == "demo" and self.stack is not None:
            self.stack["StackStatus"] = status

    def begin(self, operation: str, token: str) -> None:
        """Queue the scripted events; each look at the events lets one of them happen."""
        for logical_id, kind, status, reason in self.script[operation].pop(0):
            self.queue.append(
                {"logical_id": logical_id, "kind": kind, "status": status, "reason": reason, "token": token}
            )
        self.add(**self.queue.pop(0))

    def do_describe_stacks(self, StackName: str) -> dict[str, Any]:
        if self.stack is None or self.stack["StackStatus"] == "DELETE_COMPLETE":
            raise no_such_stack(StackName)
        return {"Stacks": [dict(self.stack)]}

    def do_get_template(self, StackName: str, TemplateStage: str) -> dict[str, Any]:
        return {"TemplateBody": self.body}

    def do_describe_stack_events(self, StackName: str, NextToken: str = "") -> dict[str, Any]:
        if self.queue and not NextToken:
            self.add(**self.queue.pop(0))
        newest = list(reversed(self.events))
        start = int(NextToken or 0)
        page: dict[str, Any] = {"StackEvents": newest[start : start + 3]}
        if start + 3 < len(newest):
            page["NextToken"] = str(start + 3)
        return page

    def do_create_change_set(self, **arguments: Any) -> dict[str, Any]:
        if arguments["ChangeSetType"] == "CREATE":
            self.stack = {"StackName": "demo", "StackId": ARN, "StackStatus": "REVIEW_IN_PROGRESS"}
        self.change_sets[arguments["ChangeSetName"]] = {
            "ChangeSetName": arguments["ChangeSetName"],
            "CreationTime": datetime.now(UTC),
            "Type": arguments["ChangeSetType"],
            "Body": arguments["TemplateBody"],
        }
        return {"Id": arguments["ChangeSetName"], "StackId": ARN}

    def do_describe_change_set(self, **_: Any) -> dict[str, Any]:
        return {
            "Status": self.change_set_status,
            "StatusReason": self.change_set_reason,
            "StackId": ARN,
            "Changes": self.changes,
        }

    def do_delete_change_set(self, StackName: str, ChangeSetName: str) -> None:
        self.change_sets.pop(ChangeSetName, None)

    def do_list_change_sets(self, StackName: str) -> dict[str, Any]:
        return {"Summaries": list(self.change_sets.values())}

    def do_execute_change_set(self, ChangeSetName: str, ClientRequestToken: str, DisableRollback: bool) -> None:
        made = self.change_sets.pop(ChangeSetName)
        self.body = made["Body"]
        self.begin(made["Type"], ClientRequestToken)

    def do_delete_stack(self, StackName: str, ClientRequestToken: str = "", **_: Any) -> None:
        if "DELETE" in self.script:
            self.begin("DELETE", ClientRequestToken)
        else:
            self.stack = None

    def do_continue_update_rollback(self, StackName: str, ClientRequestToken: str, **_: Any) -> None:
        self.begin("CONTINUE", ClientRequestToken)

    def do_update_termination_protection(self, StackName: str, EnableTerminationProtection: bool) -> None:
        assert self.stack is not None
        self.stack["EnableTerminationProtection"] = EnableTerminationProtection

    def do_detect_stack_drift(self, StackName: str) -> dict[str, Any]:
        return {"StackDriftDetectionId": "d"}

    def do_describe_stack_drift_detection_status(self, StackDriftDetectionId: str) -> dict[str, Any]:
        return {"DetectionStatus": "DETECTION_COMPLETE", "StackDriftStatus": "DRIFTED" if self.drifts else "IN_SYNC"}

    def do_describe_stack_resource_drifts(self, StackName: str) -> dict[str, Any]:
        return {"StackResourceDrifts": self.drifts}

    def do_describe_events(self, **_: Any) -> dict[str, Any]:
        return {"OperationEvents": []}


STACK = "AWS::CloudFormation::Stack"


def whole(status: str, *resources: tuple[str, str, str], end: str = "") -> list[tuple[str, str, str, str]]:
    """Events of one operation: its start, its resources', its end."""
    verb = status.removesuffix("_IN_PROGRESS")
    middle = [(name, "AWS::SNS::Topic", state, reason) for name, state, reason in resources]
    return [("demo", STACK, status, "User Initiated"), *middle, ("demo", STACK, end or f"{verb}_COMPLETE", "")]


def context(
    cloud: Any, body: str | None = None, check: bool = False, other: Any = None, **given: Any
) -> tuple[Context, list[str]]:
    """A context whose time passes only when it sleeps, and the lines that it says."""
    said: list[str] = []
    arguments = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    arguments |= {"name": "demo", **given}
    options = build(arguments, load(body) if body else None, check)
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    secrets = [value for name, value in options.parameters.items() if name == "Secret"]
    ctx = Context(options, cloud, "us-east-1", said.append, Masker(secrets), other, lambda: now[0], sleep)
    return ctx, said
