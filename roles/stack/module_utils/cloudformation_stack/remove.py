"""Deletes a stack: asked for (state=absent), or because it never came to life."""

from __future__ import annotations

import uuid
from typing import Any

from .context import Context
from .describe import Stack, describe
from .errors import StackError
from .explain import explain, failed_resources
from .instances import explained
from .repair import CHANGE_SET_PREFIX, NEVER_SUCCEEDED, delete_remedy
from .watch import Outcome, watch


def absent(ctx: Context) -> dict[str, Any]:
    """Delete the stack of the task; the task's result."""
    options = ctx.options
    stack = describe(ctx)
    waited = False
    if stack is not None and _is_running(stack) and not options.check and options.wait:
        ctx.say(f"{options.name} is {stack['StackStatus']}: attaching")
        watch(ctx, stack["StackId"], None)
        waited = True
        stack = describe(ctx)
    if stack is None:
        return {"changed": waited, "plan_text": [], "plan": []}
    protected = bool(stack.get("EnableTerminationProtection"))
    if protected and options.termination_protection is not False and stack["StackStatus"] not in NEVER_SUCCEEDED:
        raise StackError(
            f"{options.name} is protected against deletion. To delete it all the same: termination_protection: false"
        )
    text = [f"{options.name}: the whole stack to remove"]
    if options.check:
        return {"changed": True, "plan_text": text, "plan": []}
    if _is_running(stack) and stack["StackStatus"] != "DELETE_IN_PROGRESS" and not options.wait:
        return {"changed": waited, "pending": True, "plan_text": text, "plan": []}
    if protected:
        _unprotect(ctx)
    if stack["StackStatus"] == "DELETE_IN_PROGRESS":
        return {"changed": False, "pending": True, "plan_text": text, "plan": []}
    token = start(ctx, stack)
    if options.wait:
        finish(ctx, stack, token)
    return {"changed": True, "pending": not options.wait, "operation": token, "plan_text": text, "plan": []}


def delete(ctx: Context, stack: Stack) -> None:
    """Delete a stack that never came to life, and wait until its name is free."""
    if stack.get("EnableTerminationProtection"):
        _unprotect(ctx)
    finish(ctx, stack, start(ctx, stack))


def start(ctx: Context, stack: Stack, force: bool = False) -> str:
    """Ask for the deletion; the operation's token."""
    token = f"{CHANGE_SET_PREFIX}{uuid.uuid4().hex}"
    arguments: dict[str, Any] = {"StackName": stack["StackId"], "ClientRequestToken": token}
    if ctx.options.service_role_arn:
        arguments["RoleARN"] = ctx.options.service_role_arn
    if force:
        arguments["DeletionMode"] = "FORCE_DELETE_STACK"
    ctx.client.delete_stack(**arguments)
    return token


def finish(ctx: Context, stack: Stack, token: str) -> Outcome:
    """Wait for a deletion; a first failure is tried once more, since much of what blocks one goes away.

    Raises StackError with the exact remedy when the stack cannot be deleted.
    """
    outcome = watch(ctx, stack["StackId"], token)
    if outcome.status == "DELETE_FAILED":
        ctx.say(f"{ctx.options.name}: {explain(outcome.events).sentence}; deleting once more")
        outcome = watch(ctx, stack["StackId"], start(ctx, stack))
    if outcome.status == "DELETE_FAILED" and ctx.options.force_delete:
        left = ", ".join(failed_resources(outcome.events))
        ctx.say(f"{ctx.options.name}: {ctx.options.variable('force_delete')} leaves {left} behind")
        outcome = watch(ctx, stack["StackId"], start(ctx, stack, force=True))
    if not outcome.succeeded:
        why = explained(ctx, outcome)
        remedy = delete_remedy(ctx.options, ctx.region, failed_resources(outcome.events))
        raise StackError(
            f"{ctx.options.name} could not be deleted ({outcome.status}). {why.sentence} {remedy}",
            status=outcome.status,
            explanation=why.lines(),
        )
    return outcome


def _is_running(stack: Stack) -> bool:
    status = str(stack["StackStatus"])
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def _unprotect(ctx: Context) -> None:
    ctx.client.update_termination_protection(EnableTerminationProtection=False, StackName=ctx.options.name)
