"""The rights of a stack's service role: what the role may not do, CloudFormation cannot do for the stack.

"CloudFormation uses the role's credentials to make calls on your behalf" (RoleARN of CreateStack, API reference). Of
what a resource's handlers call, `CALLS` has those without which the resource could not be made, changed or removed.
They are judged by the role's policies and its boundary, on the ARN and with the tags that the resource has or will
have. Not judged: types without an entry, what is only called for single properties, and stacks without a role, as
their caller's session is not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.iam_evaluator import EvalContext
from ministack.services import iam
from ministack.services.cloudformation import stacks

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation import stack_settings
from localcloud.control_plane.cloudformation.refused import RefusedError
from localcloud.control_plane.cloudformation.service_role_calls import CALLS, Properties, Resource


def install() -> None:
    """Once per process. A rollback acts with the role, too."""
    stacks._provision_resource = _creating(stacks._provision_resource)
    stacks._update_resource = _updating(stacks._update_resource)
    stacks._delete_resource = _deleting(stacks._delete_resource)


def _creating(original: Callable[..., Any]) -> Callable[..., Any]:
    def create(kind: str, logical_id: str, properties: Properties, stack_name: str) -> Any:
        _judge("create", Resource(kind, logical_id, "", properties, stack_name))
        return original(kind, logical_id, properties, stack_name)

    return create


def _updating(original: Callable[..., Any]) -> Callable[..., Any]:
    def update(  # noqa: PLR0913, PLR0917  # as MiniStack calls it
        kind: str,
        physical_id: str,
        old: Properties,
        new: Properties,
        stack_name: str,
        logical_id: str,
        *rest: Any,
    ) -> Any:
        if old != new:
            replaced = stacks._replacing_change(kind, old, new)
            resource = Resource(kind, logical_id, "" if replaced else physical_id, new, stack_name)
            _judge("create" if replaced else "update", resource)
        return original(kind, physical_id, old, new, stack_name, logical_id, *rest)

    return update


def _deleting(original: Callable[..., Any]) -> Callable[..., Any]:
    def delete(
        kind: str,
        physical_id: str,
        properties: Properties,
        stack_name: str | None = None,
        logical_id: str | None = None,
    ) -> Any:
        if stack_name:
            _judge("delete", Resource(kind, logical_id or "", physical_id, properties, stack_name))
        return original(kind, physical_id, properties, stack_name, logical_id)

    return delete


def _judge(what: str, resource: Resource) -> None:
    """Raises `RefusedError` when the stack has a role and the role may not."""
    stack = seam.find_stack(resource.stack_name) or {}
    role_arn = stack_settings.of(stack).role_arn
    judged = CALLS.get(resource.kind)
    action: str = getattr(judged, what) if judged else ""
    if not role_arn or judged is None or not action:
        return
    name = role_arn.rpartition("/")[2]
    account, region = seam.scope()
    is_arn = judged.makes and resource.physical_id.startswith("arn:")
    place = resource.physical_id if is_arn else judged.arn(resource)
    arn = _whole(place, action, account, region if judged.regional else "")
    fresh = what == "create" and judged.makes
    context = EvalContext(
        f"arn:aws:sts::{account}:assumed-role/{name}/AWSCloudFormation",
        "AssumedRole",
        account,
        action,
        arn,
        region,
        service_context=_conditions(resource, stack.get("Tags") or (), fresh),
    )
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    outcome = iam_evaluator.evaluate(context, policies, *limits)
    if outcome.decision != "Allow":
        why = (
            "with an explicit deny in an identity-based policy"
            if outcome.decision == "Deny"
            else f"because no identity-based policy allows the {action} action"
        )
        raise RefusedError(
            f'Resource handler returned message: "User: {context.principal_arn} is not authorized to perform: '
            f'{action} on resource: {arn} {why}" (HandlerErrorCode: AccessDenied)'
        )


def _whole(rest: str, action: str, account: str, region: str) -> str:
    if rest.startswith("arn:"):
        return rest
    service = action.split(":", maxsplit=1)[0]
    return f"arn:aws:{service}:{region}:{account}:{rest}"


def _conditions(resource: Resource, stack_tags: Iterable[Mapping[str, Any]], fresh: bool) -> dict[str, Any]:
    """Condition keys, in small letters."""
    own = resource.properties.get("Tags")
    pairs = [*stack_tags, *(own if isinstance(own, list) else ())]
    tags = {str(tag["Key"]): str(tag["Value"]) for tag in pairs if isinstance(tag, Mapping) and "Key" in tag}
    # Stacks give no tags to launch templates ("Resource tag", CloudFormation guide).
    if resource.kind == "AWS::EC2::LaunchTemplate":
        tags = {}
    kind = "requesttag" if fresh else "resourcetag"
    found: dict[str, Any] = {f"aws:{kind}/{key}".lower(): value for key, value in tags.items()}
    if boundary := resource.properties.get("PermissionsBoundary"):
        found["iam:permissionsboundary"] = boundary
    return found
