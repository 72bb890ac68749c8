"""Reads a stack."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .compare import outputs_of, parameters_of, tags_of
from .context import Context
from .errors import error_code, error_message

Stack = Mapping[str, Any]


def describe(ctx: Context, name: str | None = None) -> Stack | None:
    """The stack of that name or id, None when there is none."""
    try:
        stacks = ctx.client.describe_stacks(StackName=name or ctx.options.name)["Stacks"]
    except Exception as error:
        # There is no code of its own for it: ValidationError, "Stack with id X does not exist".
        if error_code(error) == "ValidationError" and "does not exist" in error_message(error):
            return None
        raise
    if not stacks or stacks[0]["StackStatus"] == "DELETE_COMPLETE":
        return None
    found: Stack = stacks[0]
    return found


def deployed_template(ctx: Context) -> Any:
    """The stack's template as it was given, transforms and all: text, or data where it was JSON."""
    return ctx.client.get_template(StackName=ctx.options.name, TemplateStage="Original")["TemplateBody"]


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def facts(ctx: Context, stack: Stack | None) -> dict[str, Any]:
    """A stack as fields of the task's result."""
    if stack is None:
        return {
            "exists": False,
            "stack_id": "",
            "status": "",
            "last_operation": "",
            "outputs": {},
            "parameters": {},
            "stack_tags": {},
            "termination_protection": False,
            "template_description": "",
        }
    return {
        "exists": True,
        "stack_id": stack["StackId"],
        "status": stack["StackStatus"],
        "last_operation": _moment(stack.get("LastUpdatedTime") or stack["CreationTime"]),
        "outputs": {key: ctx.mask(value) for key, value in outputs_of(stack).items()},
        "parameters": parameters_of(stack),
        "stack_tags": tags_of(stack),
        "termination_protection": bool(stack.get("EnableTerminationProtection")),
        "template_description": str(stack.get("Description") or ""),
    }
