"""What an operation leaves on its stack besides a template: the rollback configuration and the service role.

Both stay until an operation replaces them (CloudFormation API reference: RollbackConfiguration, and RoleARN of
CreateStack, UpdateStack, CreateChangeSet). A change set's become the stack's when it is executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import iam
from ministack.services.cloudformation import handlers, helpers

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation.values import parsed

MOST_TRIGGERS = 5
MOST_MINUTES = 180
TRIGGER_TYPES = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")

Params = dict[str, Any]
Action = Callable[[Params], Any]


class InvalidError(Exception):
    """The message of a ValidationError."""


@dataclass(frozen=True)
class Trigger:
    arn: str
    kind: str


@dataclass(frozen=True)
class RollbackConfiguration:
    """None: never said. `minutes` to monitor after the last resource is deployed."""

    triggers: tuple[Trigger, ...] | None = None
    minutes: int | None = None

    def replaced_by(self, given: RollbackConfiguration) -> RollbackConfiguration:
        """Each of the two stays as it is where it is not given; an empty list of triggers is given."""
        triggers = self.triggers if given.triggers is None else given.triggers
        return RollbackConfiguration(triggers, self.minutes if given.minutes is None else given.minutes)

    def xml(self) -> str:
        text = ""
        if self.triggers is not None:
            members = "".join(
                f"<member><Arn>{helpers._esc(one.arn)}</Arn><Type>{one.kind}</Type></member>" for one in self.triggers
            )
            text = f"<RollbackTriggers>{members}</RollbackTriggers>"
        if self.minutes is not None:
            text += f"<MonitoringTimeInMinutes>{self.minutes}</MonitoringTimeInMinutes>"
        return f"<RollbackConfiguration>{text}</RollbackConfiguration>"


@dataclass(frozen=True)
class StackSettings:
    rollback: RollbackConfiguration = RollbackConfiguration()
    role_arn: str = ""

    def replaced_by(self, given: StackSettings) -> StackSettings:
        return StackSettings(self.rollback.replaced_by(given.rollback), given.role_arn or self.role_arn)


_KEY = "_settings"


def of(record: Mapping[str, Any]) -> StackSettings:
    """Of a stack or a change set."""
    found: StackSettings = record.get(_KEY) or StackSettings()
    return found


def install() -> None:
    """Once per process."""
    actions = handlers._ACTION_HANDLERS
    for action in ("CreateStack", "UpdateStack", "DeleteStack", "ContinueUpdateRollback", "RollbackStack"):
        actions[action] = _keeping(actions[action], fresh=action == "CreateStack")
    actions["CreateChangeSet"] = _planning(actions["CreateChangeSet"])
    actions["ExecuteChangeSet"] = _executing(actions["ExecuteChangeSet"])
    actions["DescribeStacks"] = _describing_stacks(actions["DescribeStacks"])
    actions["DescribeChangeSet"] = _describing_change_set(actions["DescribeChangeSet"])


def _keeping(original: Action, fresh: bool) -> Action:
    """The operation's task has only been scheduled when `original` returns, so it finds what is set here."""

    def act(params: Params) -> Any:
        try:
            given = _given(params)
        except InvalidError as error:
            return helpers._error("ValidationError", str(error))
        before = None if fresh else seam.find_stack(helpers._p(params, "StackName"))
        response = original(params)
        if response[0] == 200:
            stack = before or seam.find_stack(helpers._p(params, "StackName"))
            if stack is not None:
                stack[_KEY] = of(stack).replaced_by(given)
        return response

    return act


def _planning(original: Action) -> Action:
    def create_change_set(params: Params) -> Any:
        try:
            given = _given(params)
        except InvalidError as error:
            return helpers._error("ValidationError", str(error))
        response = original(params)
        made = re.search(rb"<Id>([^<]+)</Id>", response[2])
        if response[0] == 200 and made:
            change_set = seam.module("ministack.services.cloudformation")._change_sets[made[1].decode()]
            stack = seam.find_stack(change_set["StackId"]) or {}
            change_set[_KEY] = of(stack).replaced_by(given)
        return response

    return create_change_set


def _executing(original: Action) -> Action:
    def execute_change_set(params: Params) -> Any:
        change_set = seam.find_change_set(helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName"))
        response = original(params)
        if response[0] == 200 and change_set is not None:
            stack = seam.find_stack(change_set["StackId"])
            if stack is not None:
                stack[_KEY] = of(change_set)
        return response

    return execute_change_set


def _describing_stacks(original: Action) -> Action:
    def describe_stacks(params: Params) -> Any:
        status, headers, body = original(params)

        def with_settings(match: re.Match[bytes]) -> bytes:
            settings = of(seam.find_stack(match[1].decode()) or {})
            text = settings.rollback.xml()
            if settings.role_arn:
                text += f"<RoleARN>{helpers._esc(settings.role_arn)}</RoleARN>"
            return match[0] + text.encode()

        return status, headers, re.sub(rb"<StackId>([^<]+)</StackId>", with_settings, body)

    return describe_stacks


def _describing_change_set(original: Action) -> Action:
    def describe_change_set(params: Params) -> Any:
        status, headers, body = original(params)
        change_set = seam.find_change_set(helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName"))
        if status == 200 and change_set is not None:
            end = b"</DescribeChangeSetResult>"
            body = body.replace(end, of(change_set).rollback.xml().encode() + end)
        return status, headers, body

    return describe_change_set


def _given(params: Params) -> StackSettings:
    """Raises `InvalidError`."""
    role_arn = helpers._p(params, "RoleARN")
    if role_arn and not _can_be_assumed(role_arn):
        raise InvalidError(f"Role {role_arn} is invalid or cannot be assumed")
    return StackSettings(_given_rollback(params), role_arn)


def _can_be_assumed(role_arn: str) -> bool:
    """By CloudFormation: its trust policy is what says so."""
    role = iam._roles.get(role_arn.rpartition("/")[2])
    if role is None or role["Arn"] != role_arn:
        return False
    trust = parsed(role.get("AssumeRolePolicyDocument"))
    return any(
        statement.get("Effect") == "Allow" and "cloudformation.amazonaws.com" in str(statement.get("Principal"))
        for statement in _listed(trust.get("Statement"))
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _given_rollback(params: Params) -> RollbackConfiguration:
    prefix = "RollbackConfiguration"
    triggers: tuple[Trigger, ...] | None = None
    if any(key.startswith(f"{prefix}.RollbackTriggers") for key in params):
        triggers = ()
        while arn := helpers._p(params, member := f"{prefix}.RollbackTriggers.member.{len(triggers) + 1}.Arn"):
            triggers = (*triggers, Trigger(arn, helpers._p(params, member.removesuffix("Arn") + "Type")))
    if len(triggers or ()) > MOST_TRIGGERS:
        raise InvalidError(
            "1 validation error detected: Value at 'rollbackConfiguration.rollbackTriggers' failed to satisfy "
            f"constraint: Member must have length less than or equal to {MOST_TRIGGERS}"
        )
    for trigger in triggers or ():
        if trigger.kind not in TRIGGER_TYPES:
            raise InvalidError(f"Rollback trigger {trigger.arn} is of type {trigger.kind}, not {TRIGGER_TYPES}")
    minutes = helpers._p(params, f"{prefix}.MonitoringTimeInMinutes")
    if minutes and not 0 <= int(minutes) <= MOST_MINUTES:
        raise InvalidError(
            f"1 validation error detected: Value '{minutes}' at 'rollbackConfiguration.monitoringTimeInMinutes' failed "
            f"to satisfy constraint: Member must have value between 0 and {MOST_MINUTES}"
        )
    return RollbackConfiguration(triggers, int(minutes) if minutes else None)
