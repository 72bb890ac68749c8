"""Detects drift and says it property by property."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .context import Context, Pace
from .describe import describe
from .errors import StackError
from .repair import Step, next_step
from .text import clean, shorten

# CloudFormation refuses to compare in any other status. Source: "Detect drift on an entire stack" in its user guide.
_COMPARABLE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "UPDATE_ROLLBACK_FAILED",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)

# NOT_CHECKED and UNKNOWN are told as well: silence about them would read as "no drift".
_TOLD = ("MODIFIED", "DELETED", "NOT_CHECKED", "UNKNOWN")
_WORDS = {
    "MODIFIED": "differs from its template",
    "DELETED": "was deleted outside its stack",
    "NOT_CHECKED": "has a type that CloudFormation cannot check",
    "UNKNOWN": "could not be checked",
}


def detected(ctx: Context) -> dict[str, Any]:
    """Detect the drift of the task's stack; the task's result. Writes nothing to any resource.

    A stack that cannot be compared has no drift to tell; the text says why.
    """
    stack = describe(ctx)
    obstacle = _obstacle(stack["StackStatus"] if stack else None)
    if obstacle:
        sentence = f"{ctx.options.name} {obstacle}"
        ctx.say(sentence)
        return {"changed": False, "drifted": False, "drift": [], "drift_text": [sentence], "stack": stack}
    detection = ctx.client.detect_stack_drift(StackName=ctx.options.name)["StackDriftDetectionId"]
    state = _await(ctx, detection)
    resources = _resources(ctx)
    found = [_as_data(ctx, resource) for resource in resources if resource["StackResourceDriftStatus"] in _TOLD]
    drifted = state.get("StackDriftStatus") == "DRIFTED"
    text = lines(ctx.options.name, found)
    ctx.say_block(text)
    return {"changed": False, "drifted": drifted, "drift": found, "drift_text": text}


def _obstacle(status: str | None) -> str:
    """What is to be said of a stack that cannot be compared, empty for one that can."""
    if status is None:
        return "does not exist"
    if status in _COMPARABLE:
        return ""
    if next_step(status) is Step.AWAIT:
        return f"is {status}: drift can be told when that has ended"
    return f"is {status}: drift can be told when the next run has repaired it"


def lines(stack: str, found: list[dict[str, Any]]) -> list[str]:
    """One line per resource and per property; a single one when nothing drifted."""
    if not found:
        return [f"{stack}: no drift"]
    text = [f"{stack}: {len(found)} resource{'' if len(found) == 1 else 's'} to look at"]
    for resource in found:
        text.append(f"  {resource['logical_id']}  {resource['type']}  {_WORDS[resource['status']]}")
        for item in resource["properties"]:
            text.append(f"      {item['path']}: template {item['expected']} → found {item['actual']}")
    return text


def _await(ctx: Context, detection: str) -> Mapping[str, Any]:
    deadline = ctx.clock() + ctx.options.plan_timeout
    pace = Pace(ctx.options.poll_interval, ctx.sleep)
    while True:
        state: Mapping[str, Any] = ctx.client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if state["DetectionStatus"] == "DETECTION_COMPLETE":
            return state
        if state["DetectionStatus"] == "DETECTION_FAILED":
            ctx.say(
                f"{ctx.options.name}: drift of some resources could not be detected: "
                f"{state.get('DetectionStatusReason', '')}"
            )
            return state
        if ctx.clock() >= deadline:
            raise StackError(
                f"{ctx.options.name}: drift detection is not finished after "
                f"{ctx.options.plan_timeout:.0f} s ({ctx.options.variable('plan_timeout')})."
            )
        pace.wait()


def _resources(ctx: Context) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = []
    arguments: dict[str, Any] = {"StackName": ctx.options.name}
    while True:
        answer = ctx.client.describe_stack_resource_drifts(**arguments)
        found += answer.get("StackResourceDrifts") or []
        if not answer.get("NextToken"):
            return found
        arguments["NextToken"] = answer["NextToken"]


def _as_data(ctx: Context, resource: Mapping[str, Any]) -> dict[str, Any]:
    def shown(value: Any) -> str:
        # CloudFormation gives NoEcho values as asterisks already; the mask is for what it does not know of.
        return shorten(clean(ctx.mask(str(value)))) if value not in (None, "") else "(none)"

    return {
        "logical_id": resource["LogicalResourceId"],
        "type": resource.get("ResourceType", ""),
        "status": resource["StackResourceDriftStatus"],
        "properties": [
            {
                "path": str(item["PropertyPath"]).strip("/").replace("/", "."),
                "expected": shown(item.get("ExpectedValue")),
                "actual": shown(item.get("ActualValue")),
                "difference": item.get("DifferenceType", ""),
            }
            for item in resource.get("PropertyDifferences") or []
        ],
    }
