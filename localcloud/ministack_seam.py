"""Whatever reaches into MiniStack's stack engine, and the check of every name inside it that localcloud relies on.

MiniStack is pinned exactly and imported, not copied. Its internals may change with any version: `check` looks at
each of `NAMES` before anything is installed, so that an upgrade fails at start with a sentence instead of later with
a stack trace.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from localcloud.ministack_names import NAMES

VERSION = "1.5.33"


class SeamError(RuntimeError):
    """The installed MiniStack is not the one this was written for."""


def module(name: str) -> Any:
    """A module of MiniStack. `name` stands there literally, so that a test can tell what is taken from it."""
    return importlib.import_module(name)


def check() -> None:
    """Raises `SeamError` with everything that is missing; returns silently when all is there."""
    installed = importlib.metadata.version("ministack")
    if installed != VERSION:
        raise SeamError(f"localcloud needs ministack {VERSION}, found {installed}: install requirements/localcloud.txt")
    missing = [
        f"{name}.{attribute}"
        for name, attributes in NAMES.items()
        for attribute in attributes
        if not hasattr(_module_or_class(name), attribute)
    ]
    if missing:
        raise SeamError(f"ministack {installed} lacks what localcloud extends: {', '.join(missing)}")


def _module_or_class(name: str) -> Any:
    owner, _, last = name.rpartition(".")
    return getattr(module(owner), last) if last[0].isupper() else module(name)


# --- requests ---------------------------------------------------------------------------------------------


def scope() -> tuple[str, str]:
    """(account, region) of the request, or of the stack whose resource is being handled."""
    responses = module("ministack.core.responses")
    return responses.get_account_id(), responses.get_region()


@contextmanager
def request_scope(account: str, region: str) -> Iterator[None]:
    with module("ministack.core.responses").request_scope(account, region):
        yield


def replace_service(name: str, handler: Callable[..., Any]) -> None:
    """`handler` answers the whole service from now on; routing and IAM enforcement stay MiniStack's."""
    module("ministack.app").SERVICE_HANDLERS[name] = handler


# --- stacks -----------------------------------------------------------------------------------------------

Attributes = dict[str, Any]


@dataclass(frozen=True)
class ResourceHandler:
    """What a resource type does. All three may raise: the stack then rolls back with the message as its reason."""

    create: Callable[[str, Attributes, str], tuple[str, Attributes]]
    """(logical id, properties, stack name) → (physical id, attributes)"""
    update: Callable[[str, Attributes, Attributes, str, str], tuple[str, Attributes]]
    """(physical id, old properties, new properties, stack name, logical id) → (physical id, attributes)"""
    delete: Callable[[str, Attributes], None]
    """(physical id, properties)"""


@dataclass(frozen=True)
class _Operation:
    template: Mapping[str, Any]
    parameters: Mapping[str, Any]
    conditions: Mapping[str, bool]


_operation: ContextVar[_Operation | None] = ContextVar("stack operation", default=None)
_rolling_back_to: ContextVar[_Operation | None] = ContextVar("what a rollback leads to", default=None)


def replace_resource_type(resource_type: str, handler: ResourceHandler) -> None:
    module("ministack.services.cloudformation.provisioners")._RESOURCE_HANDLERS[resource_type] = {
        "create": handler.create,
        "update": handler.update,
        "update_with_logical_id": True,
        "delete": handler.delete,
    }


def replaced_by(resource_type: str, always: Iterable[str], conditionally: Iterable[str]) -> None:
    """What DescribeChangeSet says of a changed property: of these that it replaces, of all others that it does not."""
    provisioners = module("ministack.services.cloudformation.provisioners")
    provisioners._REPLACING_PROPERTIES[resource_type] = tuple(always)
    provisioners._CONDITIONALLY_REPLACING_PROPERTIES[resource_type] = tuple(conditionally)


def run_on_worker_thread(*resource_types: str) -> None:
    """Their handlers may block: without this they would stop the whole API while they wait."""
    stacks = module("ministack.services.cloudformation.stacks")
    original = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda resource_type: resource_type in resource_types or original(resource_type)


def send_back_failed_updates(*resource_types: str) -> None:
    """A rollback calls their update handlers also for the resource whose own update failed."""
    stacks = module("ministack.services.cloudformation.stacks")
    original = stacks._sends_back_failed_update
    stacks._sends_back_failed_update = lambda resource_type: resource_type in resource_types or original(resource_type)


def delete_replaced(delete: Callable[[str, Attributes], None], physical_id: str, properties: Attributes) -> None:
    """For an update handler that has made the replacement itself: deletes what it replaces, when a stack does that."""
    module("ministack.services.cloudformation.provisioners")._delete_predecessor(delete, physical_id, properties)


def is_rolling_back(stack_name: str) -> bool:
    """Whether the stack's update is being undone."""
    return str(_stack(stack_name).get("StackStatus", "")).startswith("UPDATE_ROLLBACK")


def is_update_cancelled(stack_name: str) -> bool:
    """Whether CancelUpdateStack was called for the update under way: a handler that waits is to give up."""
    return bool(_stack(stack_name).get("_cancel_requested"))


def stack_resources(stack_name: str) -> Mapping[str, Any]:
    """What the stack has now, by logical id."""
    found: Mapping[str, Any] = _stack(stack_name).get("_resources") or {}
    return found


def stack_tags(stack_name: str) -> Any:
    """The stack's tags as of now, in an update the new ones."""
    return _stack(stack_name).get("Tags") or []


def forget_last_event(stack_id: str, logical_id: str) -> None:
    """Takes back the last event of the stack, if it is this resource's."""
    events = module("ministack.services.cloudformation")._stack_events.get(stack_id) or []
    if events and events[-1]["LogicalResourceId"] == logical_id:
        events.pop()


def _stack(stack_name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = module("ministack.services.cloudformation")._stacks.get(stack_name) or {}
    return found


def find_stack(name_or_id: str) -> dict[str, Any] | None:
    """The stack's record, which is changed in place; also of one that was deleted."""
    found: dict[str, Any] | None = module("ministack.services.cloudformation.handlers")._resolve_stack(name_or_id)
    return found


def find_change_set(name_or_id: str, stack_name: str) -> dict[str, Any] | None:
    """The change set's record, which is changed in place."""
    found: dict[str, Any] | None
    _, found = module("ministack.services.cloudformation.changesets")._find_change_set(name_or_id, stack_name)
    return found


def generated_name(stack_name: str, logical_id: str, longest: int) -> str:
    name = module("ministack.services.cloudformation.provisioners")._physical_name(
        stack_name, logical_id, max_len=longest
    )
    return str(name)


def evaluate_conditions(template: Mapping[str, Any], parameters: Mapping[str, Any]) -> Mapping[str, bool]:
    """A template's conditions, for whoever only asks: what `remember_operations` remembers stays as it is."""
    conditions: Mapping[str, bool] = module("ministack.services.cloudformation.engine")._evaluate_conditions(
        template, parameters
    )
    return conditions


def remember_operations() -> None:
    """Makes `resource_attribute` work: MiniStack's resource handlers see properties only.

    Its stack engine evaluates the conditions once at the start of every create, update and rollback, in the task
    that then calls the handlers: a context variable set there reaches them, and no other stack's.
    """
    stacks = module("ministack.services.cloudformation.stacks")
    original = stacks._evaluate_conditions

    def evaluate(template: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
        conditions = original(template, parameters)
        _operation.set(_Operation(template, parameters, conditions))
        return conditions

    stacks._evaluate_conditions = evaluate
    _remember_what_a_rollback_leads_to()


def _remember_what_a_rollback_leads_to() -> None:
    """A rollback goes by the policies from before the update ("UpdatePolicy attribute", CloudFormation guide)."""
    stacks = module("ministack.services.cloudformation.stacks")
    original = stacks._roll_back_operation

    async def roll_back(stack_name: str, stack_id: str, stack: Any, operation: Any, *rest: Any, **options: Any) -> None:
        previous = operation.get("previous_stack")
        if previous:
            template, parameters = previous.get("_template") or {}, previous.get("_resolved_params") or {}
            _rolling_back_to.set(_Operation(template, parameters, evaluate_conditions(template, parameters)))
        await original(stack_name, stack_id, stack, operation, *rest, **options)

    stacks._roll_back_operation = roll_back
    module("ministack.services.cloudformation.handlers")._roll_back_operation = roll_back


def resource_attribute(stack_name: str, logical_id: str, attribute: str) -> Any:
    """An attribute beside Properties, such as UpdatePolicy, of the template now applied or rolled back to; resolved.

    None when the resource does not have it. Where no template is being applied, as while a rollback is continued, it
    is the stack's own.
    """
    stacks = module("ministack.services.cloudformation.stacks")
    stack = _stack(stack_name)
    operation = _rolling_back_to.get() or _operation.get()
    if operation is None:
        template, parameters = stack.get("_template") or {}, stack.get("_resolved_params") or {}
        operation = _Operation(template, parameters, evaluate_conditions(template, parameters))
    raw = operation.template.get("Resources", {}).get(logical_id, {}).get(attribute)
    if raw is None:
        return None
    return stacks._resolve_refs(
        raw,
        stack.get("_resources", {}),
        operation.parameters,
        operation.conditions,
        operation.template.get("Mappings", {}),
        stack_name,
        stack.get("StackId", ""),
    )


def no_value() -> Any:
    """What AWS::NoValue resolves to."""
    return module("ministack.services.cloudformation.stacks")._NO_VALUE


TemplateCheck = Callable[[Mapping[str, Any], Mapping[str, bool]], list[str]]


def refuse_templates(check_template: TemplateCheck) -> None:
    """`check_template(template, conditions)` runs before a stack or change set is made of a template.

    Its sentences become the ValidationError that the caller gets, before anything is created.
    """
    handlers = module("ministack.services.cloudformation.handlers")
    changesets = module("ministack.services.cloudformation.changesets")
    handlers.validate_template_support = _refusing(handlers.validate_template_support, check_template)
    changesets.validate_template_support = _refusing(changesets.validate_template_support, check_template)


def _refusing(original: Callable[..., Any], check_template: TemplateCheck) -> Callable[..., Any]:
    def validate(template: Mapping[str, Any], conditions: Mapping[str, bool], *args: Any, **kwargs: Any) -> Any:
        result = original(template, conditions, *args, **kwargs)
        # Without parameters it is ValidateTemplate that asks, which cannot know what conditions will be.
        refusals = check_template(template, conditions) if kwargs.get("params") is not None else []
        if refusals:
            raise ValueError("; ".join(refusals))
        return result

    return validate
