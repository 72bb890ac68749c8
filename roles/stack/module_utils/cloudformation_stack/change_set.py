"""Makes, reads and removes change sets."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .compare import effective_parameters, parameters_of
from .context import Context, Pace
from .errors import StackError, error_code, error_message
from .options import KNOWN_AFTER_APPLY, Options
from .repair import CHANGE_SET_PREFIX, is_ours
from .template import Template

# CloudFormation's words for a change set without changes; it has no code for it.
_EMPTY = ("didn't contain changes", "no updates are to be performed")
# A check run leaves younger change sets alone: they may belong to a run that is about to execute one.
_LEFTOVER_AGE = timedelta(hours=1)


@dataclass
class ChangeSet:
    """A change set that CloudFormation has computed."""

    arn: str
    stack_id: str
    changes: tuple[Mapping[str, Any], ...]
    empty: bool
    executed: bool = False


def request(options: Options, template: Template, stack: Mapping[str, Any] | None) -> dict[str, Any]:
    """The arguments of CreateChangeSet, everything stated: what is left out would persist from before."""
    existing = parameters_of(stack) if stack else {}
    arguments: dict[str, Any] = {
        "StackName": options.name,
        "ChangeSetName": f"{CHANGE_SET_PREFIX}{uuid.uuid4().hex}",
        "ChangeSetType": "UPDATE" if stack else "CREATE",
        "TemplateBody": template.body,
        "Parameters": _parameters(options, template, existing),
        "Tags": [{"Key": key, "Value": value} for key, value in options.tags.items()],
        "Capabilities": list(options.capabilities),
        "RollbackConfiguration": options.rollback_configuration,
    }
    if options.service_role_arn:
        arguments["RoleARN"] = options.service_role_arn
    return arguments


def _parameters(options: Options, template: Template, existing: Mapping[str, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    values = effective_parameters(options, template, existing)
    for name in template.parameters:
        kept = name in options.keep_parameters and name in existing
        # A check run plans with the present value of an input that is only known after another stack's apply.
        unknown = KNOWN_AFTER_APPLY in values.get(name, "") and name in existing
        if kept or unknown:
            found.append({"ParameterKey": name, "UsePreviousValue": True})
        elif name in options.parameters:
            found.append({"ParameterKey": name, "ParameterValue": options.parameters[name]})
    return found


@contextmanager
def prepared(ctx: Context, template: Template, stack: Mapping[str, Any] | None) -> Iterator[ChangeSet]:
    """A change set, removed at the end unless it was executed; an empty one is removed as well.

    A stack that only came into being for its change set (REVIEW_IN_PROGRESS) is left to the caller.
    Raises StackError when CloudFormation cannot compute it.
    """
    arguments = request(ctx.options, template, stack)
    name = arguments["ChangeSetName"]
    arn = ctx.client.create_change_set(**arguments)["Id"]
    found: ChangeSet | None = None
    try:
        found = _await(ctx, arn)
        yield found
    finally:
        if found is None or not found.executed:
            _delete_quietly(ctx, name)


def _await(ctx: Context, arn: str) -> ChangeSet:
    deadline = ctx.clock() + ctx.options.plan_timeout
    pace = Pace(ctx.options.poll_interval, ctx.sleep)
    while True:
        answer = ctx.client.describe_change_set(ChangeSetName=arn, IncludePropertyValues=True)
        status = answer["Status"]
        if status == "CREATE_COMPLETE":
            changes = list(answer.get("Changes") or [])
            while answer.get("NextToken"):
                answer = ctx.client.describe_change_set(
                    ChangeSetName=arn, IncludePropertyValues=True, NextToken=answer["NextToken"]
                )
                changes += answer.get("Changes") or []
            return ChangeSet(arn, answer["StackId"], tuple(changes), empty=False)
        if status == "FAILED":
            reason = str(answer.get("StatusReason") or "")
            if any(mark in reason.lower() for mark in _EMPTY):
                return ChangeSet(arn, answer["StackId"], (), empty=True)
            raise StackError(
                f"{ctx.options.name}: CloudFormation cannot plan this: "
                f"{'; '.join([reason, *_validation_errors(ctx, arn)])}"
            )
        if ctx.clock() >= deadline:
            raise StackError(
                f"{ctx.options.name}: the plan is still {status} after {ctx.options.plan_timeout:.0f} s "
                f"({ctx.options.variable('plan_timeout')})."
            )
        pace.wait()


def _validation_errors(ctx: Context, arn: str) -> list[str]:
    """What pre-deployment validation found, property by property (DescribeEvents, FailedEvents filter)."""
    try:
        events = (
            ctx.client.describe_events(ChangeSetName=arn, Filters={"FailedEvents": True}).get("OperationEvents") or []
        )
    except Exception:  # older endpoints do not know the action; the reason above stands
        return []
    return [
        f"{event.get('LogicalResourceId', '')} {event.get('ValidationPath', '')}: {event['ValidationStatusReason']}"
        for event in events
        if event.get("ValidationStatusReason")
    ]


def execute(ctx: Context, change_set: ChangeSet) -> str:
    """Start it; the operation's token. DisableRollback is stated, its default being true here."""
    token = f"{CHANGE_SET_PREFIX}{uuid.uuid4().hex}"
    ctx.client.execute_change_set(ChangeSetName=change_set.arn, ClientRequestToken=token, DisableRollback=False)
    change_set.executed = True
    return token


def others(ctx: Context) -> list[Mapping[str, Any]]:
    """Every change set of the stack."""
    found: list[Mapping[str, Any]] = []
    arguments: dict[str, Any] = {"StackName": ctx.options.name}
    while True:
        answer = ctx.client.list_change_sets(**arguments)
        found += answer.get("Summaries") or []
        if not answer.get("NextToken"):
            return found
        arguments["NextToken"] = answer["NextToken"]


def remove_leftovers(ctx: Context) -> list[str]:
    """Delete what an earlier run of ours left behind; names of the deleted ones.

    An apply deletes every one (its caller holds the environment's lock), a check run only old ones.
    """
    oldest = datetime.now(UTC) - _LEFTOVER_AGE
    removed: list[str] = []
    for summary in others(ctx):
        name = str(summary["ChangeSetName"])
        # An executed one stays listed as a record of what was done.
        executed = str(summary.get("ExecutionStatus") or "").startswith("EXECUTE_")
        if executed or not is_ours(name) or (ctx.options.check and summary["CreationTime"] > oldest):
            continue
        _delete_quietly(ctx, name)
        removed.append(name)
    return removed


def _delete_quietly(ctx: Context, name: str) -> None:
    try:
        ctx.client.delete_change_set(StackName=ctx.options.name, ChangeSetName=name)
    except Exception as error:
        # Gone with its execution, or being executed: both are what was wanted.
        if error_code(error) not in ("ChangeSetNotFound", "InvalidChangeSetStatus", "ValidationError"):
            ctx.say(f"{ctx.options.name}: change set {name} is left behind: {error_message(error)}")
