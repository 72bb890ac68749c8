"""Pre-deployment validation of properties, on every operation that has it: create, update, change set.

MiniStack has the frame for stack operations, with what has been seen on AWS: the stack fails with DetailedStatus
VALIDATION_FAILED before anything is provisioned, and DescribeEvents has an event for each problem. Here the check
itself comes in, and change sets: CREATE_COMPLETE becomes FAILED, with the reason that AWS gives.

Reference: "Validate stack deployments" in the CloudFormation guide; OperationEvent in its API reference.
"""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ministack.services.cloudformation import handlers, helpers, stacks

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation import schemas
from localcloud.control_plane.cloudformation.properties import REFUSED_TYPES
from localcloud.control_plane.cloudformation.validation import UNKNOWN, problems

VALIDATION = "PROPERTY_VALIDATION"
FAILED_CHANGE_SET = (
    "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early "
    "Validation errors, use the DescribeEvents API for detailed failure information."
)

Error = tuple[str, str, str, str, str]
"""(logical id, type, name of the validation, path in the template, reason), as MiniStack has them."""


def install() -> None:
    """Once per process."""
    stacks._validation_errors = _with_schemas(stacks._validation_errors)
    actions = handlers._ACTION_HANDLERS
    actions["CreateChangeSet"] = _validating(actions["CreateChangeSet"])
    actions["DescribeEvents"] = _with_change_sets(actions["DescribeEvents"])
    for action in ("CreateStack", "UpdateStack", "CreateChangeSet"):
        actions[action] = _refusing_to_skip(actions[action])


def _with_schemas(original: Callable[..., list[Error]]) -> Callable[..., list[Error]]:
    def errors(
        resources: Mapping[str, Any],
        ordered: Iterable[str],
        parameters: Mapping[str, Any],
        conditions: Mapping[str, bool],
        mappings: Mapping[str, Any],
        *rest: Any,
    ) -> list[Error]:
        ordered = list(ordered)
        found = original(resources, ordered, parameters, conditions, mappings, *rest)
        told = {(error[0], error[3]) for error in found}
        resolver = _Resolver(resources, parameters, conditions, mappings, rest[:2])
        ours = (error for logical_id in ordered for error in _of_resource(logical_id, resources[logical_id], resolver))
        return found + [error for error in ours if (error[0], error[3]) not in told]

    return errors


def _of_resource(logical_id: str, resource: Mapping[str, Any], resolver: _Resolver) -> list[Error]:
    kind = str(resource.get("Type"))
    schema = schemas.of_type(kind, seam.scope()[1])
    if schema is None or kind in REFUSED_TYPES or not resolver.conditions.get(str(resource.get("Condition")), True):
        return []
    properties = resolver.known(resource.get("Properties") or {})
    root = f"/Resources/{logical_id}/Properties"
    return [
        (logical_id, kind, VALIDATION, f"{root}/{one.path}" if one.path else root, one.reason)
        for one in problems(properties, schema)
    ]


class _Resolver:
    """Properties with everything resolved that does not depend on another resource."""

    def __init__(
        self,
        resources: Mapping[str, Any],
        parameters: Mapping[str, Any],
        conditions: Mapping[str, bool],
        mappings: Mapping[str, Any],
        stack: Sequence[str],
    ) -> None:
        self.conditions = conditions
        self._resources = resources
        self._parameters = parameters
        self._mappings = mappings
        self._stack = stack

    def known(self, value: Any) -> Any:
        nothing = seam.no_value()
        if isinstance(value, list):
            return [one for one in map(self.known, value) if one is not nothing]
        if not isinstance(value, Mapping):
            return UNKNOWN if isinstance(value, str) and "{{resolve:" in value else value
        if len(value) == 1:
            (name, argument) = next(iter(value.items()))
            if name == "Fn::If":
                return self.known(argument[1] if self.conditions.get(argument[0]) else argument[2])
            if name == "Ref" or str(name).startswith("Fn::"):
                return self._function(value)
        return {name: known for name, one in value.items() if (known := self.known(one)) is not nothing}

    def _function(self, value: Mapping[str, Any]) -> Any:
        if any(name in self._resources for name, _ in stacks._intrinsic_references(value)):
            return UNKNOWN
        try:
            return stacks._resolve_refs(
                copy.deepcopy(value), {}, self._parameters, self.conditions, self._mappings, *self._stack
            )
        except Exception:
            # What cannot be resolved yet is judged when it is.
            return UNKNOWN


def _validating(original: Callable[..., Any]) -> Callable[..., Any]:
    """A change set is made all the same, but it has failed."""

    def create_change_set(params: Mapping[str, Any]) -> Any:
        response = original(params)
        made = re.search(rb"<Id>([^<]+)</Id>", response[2])
        if response[0] == 200 and made:
            _validate(seam.module("ministack.services.cloudformation")._change_sets[made[1].decode()])
        return response

    return create_change_set


def _validate(change_set: dict[str, Any]) -> None:
    template, parameters = change_set["_template"], change_set["_resolved_params"]
    resources = template.get("Resources") or {}
    errors = stacks._validation_errors(
        resources,
        list(resources),
        parameters,
        stacks._evaluate_conditions(template, parameters),
        template.get("Mappings") or {},
        change_set["StackName"],
        change_set["StackId"],
    )
    # Whether the stack may take a name it may have already is for the operation itself to say.
    errors = [error for error in errors if error[2] == VALIDATION]
    if not errors:
        return
    change_set.update(Status="FAILED", ExecutionStatus="UNAVAILABLE", StatusReason=FAILED_CHANGE_SET)
    operation = str(uuid.uuid4())
    change_set["_operation_events"] = [
        stacks._operation_event(
            change_set["StackId"],
            operation,
            "VALIDATION_ERROR",
            "CREATE_CHANGESET",
            LogicalResourceId=logical_id,
            ResourceType=kind,
            ValidationFailureMode="FAIL",
            ValidationName=validation,
            ValidationStatus="FAILED",
            ValidationStatusReason=reason,
            ValidationPath=path,
        )
        for logical_id, kind, validation, path, reason in errors
    ]
    # Making a change set is one of the stack's operations: asked for by stack or operation, its events are there too.
    stack = seam.module("ministack.services.cloudformation")._stacks[change_set["StackName"]]
    stack["_operation_events"] = [*(stack.get("_operation_events") or []), *change_set["_operation_events"]]


def _with_change_sets(original: Callable[..., Any]) -> Callable[..., Any]:
    """DescribeEvents by change set: its name or ARN; with a name, the stack as well."""

    def describe_events(params: dict[str, Any]) -> Any:
        wanted, stack_name = helpers._p(params, "ChangeSetName"), helpers._p(params, "StackName")
        if not wanted:
            return original(params)
        for change_set in seam.module("ministack.services.cloudformation")._change_sets.values():
            in_stack = stack_name in ("", change_set["StackName"], change_set["StackId"])
            if wanted == change_set["ChangeSetId"] or (
                stack_name and in_stack and wanted == change_set["ChangeSetName"]
            ):
                return _events(change_set.get("_operation_events") or [], params)
        return helpers._error("ChangeSetNotFound", f"ChangeSet [{wanted}] does not exist", 404)

    return describe_events


def _events(events: Sequence[Mapping[str, Any]], params: dict[str, Any]) -> Any:
    page, next_token, error = helpers._page(list(events), params, "DescribeEvents")
    if error:
        return error
    members = "".join(
        "<member>"
        + "".join(
            f"<{name}>{helpers._esc(str(one[name]))}</{name}>"
            for name in handlers._OPERATION_EVENT_FIELDS
            if one.get(name)
        )
        + "</member>"
        for one in page
    )
    body = f"<DescribeEventsResult><OperationEvents>{members}</OperationEvents>{next_token}</DescribeEventsResult>"
    return helpers._xml(200, "DescribeEventsResponse", body)


def _refusing_to_skip(original: Callable[..., Any]) -> Callable[..., Any]:
    """Without validation, properties that no service knows would be dropped in silence."""

    def act(params: dict[str, Any]) -> Any:
        if helpers._p(params, "DisableValidation").lower() == "true":
            return helpers._error("ValidationError", "localcloud does not support DisableValidation yet")
        return original(params)

    return act
