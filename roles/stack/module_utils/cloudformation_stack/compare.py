"""Is there anything to do? Answered from DescribeStacks and GetTemplate alone, or left to a change set.

docs/decisions/0003-nothing-to-do-is-told-by-two-reads.md says why this is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .options import Options
from .template import Template, same

# Only after these is the deployed template certainly the one GetTemplate returns.
SETTLED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})

ROLLBACK_CONFIGURATION = "rollback configuration"


def parameters_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """Parameter values as DescribeStacks shows them ('****' for NoEcho)."""
    return {item["ParameterKey"]: item.get("ParameterValue", "") for item in stack.get("Parameters") or []}


def tags_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """The stack's own tags."""
    tags = {item["Key"]: item["Value"] for item in stack.get("Tags") or []}
    return {key: value for key, value in tags.items() if not key.startswith("aws:")}


def outputs_of(stack: Mapping[str, Any]) -> dict[str, str]:
    """The stack's outputs."""
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs") or []}


def rollback_of(stack: Mapping[str, Any]) -> tuple[set[str], int]:
    """Trigger ARNs and monitoring minutes; a stack without a configuration has none and 0."""
    configuration = stack.get("RollbackConfiguration") or {}
    arns = {trigger["Arn"] for trigger in configuration.get("RollbackTriggers") or []}
    return arns, int(configuration.get("MonitoringTimeInMinutes") or 0)


def effective_parameters(options: Options, template: Template, existing: Mapping[str, str]) -> dict[str, str]:
    """The values an operation would run with: kept, given, or the default (never the previous one by itself)."""
    values: dict[str, str] = {}
    for name, spec in template.parameters.items():
        if name in options.keep_parameters and name in existing:
            values[name] = existing[name]
        elif name in options.parameters:
            values[name] = options.parameters[name]
        elif spec.default is not None:
            values[name] = spec.default
    return values


def doubts(options: Options, template: Template, stack: Mapping[str, Any]) -> list[str]:
    """Reasons, knowable before GetTemplate, why only a change set can say whether something changes."""
    found: list[str] = []
    if stack["StackStatus"] not in SETTLED:
        found.append(f"the stack is {stack['StackStatus']}")
    if not template.body.isascii():
        found.append("the template holds characters beyond ASCII, which GetTemplate does not return")
    dependence = template.outcome_depends_on_more_than_text()
    if dependence:
        found.append(dependence)
    existing = parameters_of(stack)
    for name, spec in template.parameters.items():
        kept = name in options.keep_parameters and name in existing
        if spec.looked_up:
            found.append(f"parameter {name} is looked up in Parameter Store")
        elif spec.no_echo and name in options.parameters and not kept:
            found.append(f"parameter {name} is secret and cannot be compared")
    return found


def differences(options: Options, template: Template, stack: Mapping[str, Any]) -> list[str]:
    """What DescribeStacks alone shows to differ (texts name no value: some are secret)."""
    found: list[str] = []
    existing = parameters_of(stack)
    wanted = effective_parameters(options, template, existing)
    secret = {name for name, spec in template.parameters.items() if spec.no_echo}
    for name in sorted(set(wanted) | set(existing)):
        if name in secret and name in wanted and name in existing and name not in options.parameters:
            continue
        if wanted.get(name) != existing.get(name):
            found.append(f"parameter {name}")
    if dict(options.tags) != tags_of(stack):
        found.append("tags")
    if (set(options.rollback_triggers), options.monitoring_minutes) != rollback_of(stack):
        found.append(ROLLBACK_CONFIGURATION)
    return found


def template_is_deployed(template: Template, deployed: Any) -> bool:
    """Whether GetTemplate's answer means the same as the template at hand."""
    return same(template.body, deployed)
