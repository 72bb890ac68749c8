"""Takes a stack out of UPDATE_ROLLBACK_FAILED."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from .compare import parameters_of
from .context import Context, Pace
from .describe import Stack
from .errors import StackError, error_message
from .explain import explain, failed_resources
from .repair import CHANGE_SET_PREFIX, rollback_remedy
from .resolve import Resolver
from .template import Template, parse
from .watch import operation_events, watch


def continue_rollback(ctx: Context, stack: Stack) -> None:
    """Wait for the alarms that forbid it, then continue the rollback.

    Whether a rollback's own instance refresh honours an alarm that still fires is not documented; where it
    does, continuing before the alarm is OK fails in the same way.
    Raises StackError with the exact remedy when the rollback fails again.
    """
    before = operation_events(ctx, stack["StackId"], None)
    ctx.say(f"{ctx.options.name}: its rollback failed. {explain(before).sentence}")
    _await_alarms(ctx, stack)
    token = f"{CHANGE_SET_PREFIX}{uuid.uuid4().hex}"
    arguments: dict[str, Any] = {"StackName": ctx.options.name, "ClientRequestToken": token}
    if ctx.options.service_role_arn:
        arguments["RoleARN"] = ctx.options.service_role_arn
    if ctx.options.resources_to_skip:
        arguments["ResourcesToSkip"] = list(ctx.options.resources_to_skip)
    ctx.client.continue_update_rollback(**arguments)
    outcome = watch(ctx, stack["StackId"], token)
    if outcome.status != "UPDATE_ROLLBACK_COMPLETE":
        why = explain(outcome.events)
        remedy = rollback_remedy(ctx.options, ctx.region, failed_resources(outcome.events))
        raise StackError(
            f"{ctx.options.name} cannot finish its rollback ({outcome.status}). {why.sentence} {remedy}",
            status=outcome.status,
            explanation=why.lines(),
        )


def _await_alarms(ctx: Context, stack: Stack) -> None:
    """Wait until every alarm that a rollback can trip over is OK, at most `alarm_timeout`."""
    names = _alarm_names(ctx, stack)
    if not names or ctx.other_client is None:
        return
    deadline = ctx.clock() + ctx.options.alarm_timeout
    pace = Pace(ctx.options.poll_interval * 2, ctx.sleep)
    told: list[str] = []
    while True:
        try:
            answer = ctx.other_client("cloudwatch").describe_alarms(
                AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
            )
        except Exception as error:  # without the right to look, trying is better than giving up
            ctx.say(f"{ctx.options.name}: alarms cannot be read ({error_message(error)}); continuing")
            return
        alarms = [*(answer.get("MetricAlarms") or []), *(answer.get("CompositeAlarms") or [])]
        firing = sorted(alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM")
        if not firing:
            return
        if firing != told:
            ctx.say(f"{ctx.options.name}: waiting for {', '.join(firing)} to be OK before the rollback continues")
            told = firing
        if ctx.clock() >= deadline:
            raise StackError(
                f"{ctx.options.name} is UPDATE_ROLLBACK_FAILED and {', '.join(firing)} is still in ALARM "
                f"after {ctx.options.alarm_timeout:.0f} s ({ctx.options.variable('alarm_timeout')}). Put right what it "
                "warns of, then run this again.",
                status=stack["StackStatus"],
            )
        pace.wait()


def _alarm_names(ctx: Context, stack: Stack) -> list[str]:
    """Rollback triggers of the stack, and alarms that its deployed template names in an AlarmSpecification."""
    triggers = (stack.get("RollbackConfiguration") or {}).get("RollbackTriggers") or []
    names = {str(trigger["Arn"]).split(":alarm:", 1)[-1].split(":", 6)[-1] for trigger in triggers}
    body = ctx.client.get_template(StackName=ctx.options.name, TemplateStage="Original").get("TemplateBody")
    tree = parse(body) if isinstance(body, str) else body
    resolver = Resolver(Template("", tree), parameters_of(stack))
    names |= {name for logical_id in resolver.resources for name in _specified(resolver.properties(logical_id))}
    return sorted(name for name in names if name)


def _specified(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        specification = node.get("AlarmSpecification")
        if isinstance(specification, Mapping):
            yield from (name for name in specification.get("Alarms") or [] if isinstance(name, str))
        for value in node.values():
            yield from _specified(value)
    elif isinstance(node, list):
        for value in node:
            yield from _specified(value)
