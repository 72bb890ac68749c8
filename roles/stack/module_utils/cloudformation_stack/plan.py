"""A change set, or the template of a stack that does not exist yet, as a plan a person can read."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .differences import PropertyChange, property_changes, removed_secret
from .resolve import Resolver

GROUP = "AWS::AutoScaling::AutoScalingGroup"


class Action(enum.Enum):
    """What happens to a resource; the value is the mark in the printed plan."""

    ADD = "+"
    CHANGE = "~"
    REPLACE = "±"
    MAY_REPLACE = "?"
    REMOVE = "-"
    IMPORT = "<"


_WORDS = {
    Action.ADD: "to add",
    Action.CHANGE: "to change",
    Action.REPLACE: "to replace",
    Action.MAY_REPLACE: "may be replaced",
    Action.REMOVE: "to remove",
    Action.IMPORT: "to import",
}


@dataclass(frozen=True)
class ResourcePlan:
    """One resource's part of the plan."""

    action: Action
    logical_id: str
    type: str
    physical_id: str = ""
    properties: tuple[PropertyChange, ...] = ()
    retained: bool = False
    condition: str = ""


@dataclass(frozen=True)
class Plan:
    """What would happen to a stack; no resources and no notes means nothing."""

    stack: str
    resources: tuple[ResourcePlan, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.resources and not self.notes

    def with_note(self, note: str) -> Plan:
        return replace(self, notes=(*self.notes, note))

    def summary(self) -> str:
        """One line: `hello-staging-network: 2 to add, 1 to change`."""
        counts = [
            f"{sum(1 for resource in self.resources if resource.action is action)} {words}"
            for action, words in _WORDS.items()
            if any(resource.action is action for resource in self.resources)
        ]
        if not counts:
            counts = list(self.notes[:1]) or ["nothing to do"]
        return f"{self.stack}: {', '.join(counts)}"

    def lines(self) -> list[str]:
        """The whole plan as text."""
        found = [self.summary()]
        found += [f"  {note}" for note in self.notes if note not in found[0]]
        for resource in self.resources:
            found.append(_headline(resource))
            for change in resource.properties:
                found += [f"      {line}" for line in change.lines()]
        return found

    def as_data(self) -> list[dict[str, Any]]:
        """The plan for the task's result."""
        return [
            {
                "action": resource.action.name.lower(),
                "logical_id": resource.logical_id,
                "type": resource.type,
                "physical_id": resource.physical_id,
                "retained": resource.retained,
                "condition": resource.condition,
                "properties": [
                    {"path": change.path, "before": change.before, "after": change.after, "recreates": change.recreates}
                    for change in resource.properties
                ],
            }
            for resource in self.resources
        ]


def from_change_set(
    stack: str, changes: Iterable[Mapping[str, Any]], old: Resolver | None, new: Resolver | None
) -> Plan:
    """The plan of an update (or of a create, when `old` is None).

    `old` and `new` resolve the deployed and the wanted template; they give values where the change set has
    none and say which properties are secret.
    """
    listed = [change["ResourceChange"] for change in changes if change.get("ResourceChange")]
    replaced = _really_replaced(listed, new)
    resources = tuple(
        ResourcePlan(
            action=_action(change, replaced),
            logical_id=change["LogicalResourceId"],
            type=change.get("ResourceType", ""),
            physical_id=change.get("PhysicalResourceId", ""),
            properties=_properties(change, old, new, replaced),
            retained="Retain" in str(change.get("PolicyAction", "")),
        )
        for change in listed
    )
    return Plan(stack, tuple(sorted(resources, key=lambda item: (_ORDER[item.action], item.logical_id))))


def from_template(stack: str, new: Resolver) -> Plan:
    """The plan of a stack that does not exist yet: every resource its template would make."""
    resources = []
    for logical_id, resource in new.resources.items():
        included = new.included(logical_id)
        if included is False:
            continue
        condition = str(resource.get("Condition", "")) if included is None else ""
        resources.append(ResourcePlan(Action.ADD, logical_id, str(resource.get("Type", "")), condition=condition))
    return Plan(stack, tuple(sorted(resources, key=lambda item: item.logical_id)))


_ORDER = {
    action: index
    for index, action in enumerate(
        (Action.REMOVE, Action.REPLACE, Action.MAY_REPLACE, Action.CHANGE, Action.IMPORT, Action.ADD)
    )
}


def _headline(resource: ResourcePlan) -> str:
    parts = [f"  {resource.action.value} {resource.logical_id}", resource.type]
    if resource.physical_id:
        parts.append(resource.physical_id)
    if resource.action in (Action.REPLACE, Action.MAY_REPLACE):
        verb = "replaced" if resource.action is Action.REPLACE else "perhaps replaced"
        causes = [change.path for change in resource.properties if change.recreates != "Never"]
        parts.append(f"({verb} because of {', '.join(dict.fromkeys(causes))})" if causes else f"({verb})")
    if resource.retained:
        parts.append("(the old one is retained)")
    if resource.condition:
        parts.append(f"(only if {resource.condition})")
    return "  ".join(parts)


def _action(change: Mapping[str, Any], replaced: Mapping[str, str]) -> Action:
    action = change.get("Action")
    if action == "Add":
        return Action.ADD
    if action == "Remove":
        return Action.REMOVE
    if action == "Import":
        return Action.IMPORT
    if action == "Dynamic":
        return Action.MAY_REPLACE
    verdict = replaced.get(change["LogicalResourceId"], "False")
    return {"True": Action.REPLACE, "Conditional": Action.MAY_REPLACE}.get(verdict, Action.CHANGE)


def _really_replaced(changes: Sequence[Mapping[str, Any]], new: Resolver | None) -> dict[str, str]:
    """Replacement by logical id, with false alarms taken out.

    'Conditional' stands at every new launch template of an Auto Scaling group, which gives way to another group only
    where its UpdatePolicy says WillReplace (template reference, "UpdatePolicy attribute"). It also stands where a
    property that cannot change in place refers to a resource that is itself only modified. Its Ref does not change
    then, so nothing is replaced: repeated until nothing more falls.
    """
    verdicts = {change["LogicalResourceId"]: str(change.get("Replacement", "False")) for change in changes}
    removed = {change["LogicalResourceId"] for change in changes if change.get("Action") == "Remove"}
    details = {change["LogicalResourceId"]: change.get("Details") or [] for change in changes}
    for change in changes:
        if change.get("ResourceType") == GROUP and not _will_replace(change["LogicalResourceId"], new):
            verdicts[change["LogicalResourceId"]] = verdicts[change["LogicalResourceId"]].replace(
                "Conditional", "False"
            )
    stable = True
    while stable:
        stable = False
        for logical_id, verdict in verdicts.items():
            if verdict != "Conditional" or not details[logical_id]:
                continue
            if not any(_may_recreate(detail, verdicts, removed) for detail in details[logical_id]):
                verdicts[logical_id] = "False"
                stable = True
    return verdicts


def _will_replace(logical_id: str, new: Resolver | None) -> bool:
    policy = new.resources.get(logical_id, {}).get("UpdatePolicy") if new else None
    replacing = policy.get("AutoScalingReplacingUpdate") if isinstance(policy, Mapping) else None
    return isinstance(replacing, Mapping) and str(replacing.get("WillReplace", "")).lower() != "false"


def _may_recreate(detail: Mapping[str, Any], verdicts: Mapping[str, str], removed: set[str]) -> bool:
    if detail.get("Target", {}).get("RequiresRecreation", "Never") == "Never":
        return False
    if detail.get("Evaluation") != "Dynamic" or detail.get("ChangeSource") != "ResourceReference":
        return True
    cause = str(detail.get("CausingEntity", ""))
    return cause in removed or verdicts.get(cause, "True") != "False"


def _properties(
    change: Mapping[str, Any], old: Resolver | None, new: Resolver | None, replaced: Mapping[str, str]
) -> tuple[PropertyChange, ...]:
    logical_id = change["LogicalResourceId"]
    if change.get("Action") not in ("Modify", "Dynamic", "SyncWithActual"):
        return ()
    found = property_changes(change, old, new)
    if replaced.get(logical_id) == "False":
        found = [replace(item, recreates="Never") for item in found]
    secret: set[str] = set()
    for resolver in (old, new):
        if resolver is not None:
            secret |= resolver.secret_paths(logical_id)
    return tuple(removed_secret(item, secret) for item in found)
