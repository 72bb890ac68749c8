"""A repository of another account: nothing but what its own policy allows the caller.

MiniStack does not look at `registryId`: it would answer with the caller's repository of that name. It judges the
caller's identity policies before, as for a repository of the caller's own. Reference: "Cross-account policy evaluation
logic" in the IAM User Guide; "Private repository policies" in the ECR User Guide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.core.iam_evaluator import AuthError, EvalContext, evaluate_resource_policy, resolve_principal
from ministack.core.responses import get_account_id, get_region, set_request_account_id
from ministack.services import ecr

from localcloud.wire import Response


def enter(access_key_id: str, operation: str, asked: Mapping[str, Any]) -> Response | None:
    """None when the request may go on, in the account that it names; else the refusal."""
    caller, owner, region = get_account_id(), str(asked.get("registryId") or ""), get_region()
    if owner in ("", caller):
        return None
    principal = resolve_principal(access_key_id, caller)
    if isinstance(principal, AuthError):
        return _error(principal.code, principal.message)
    name, action = str(asked.get("repositoryName") or "*"), f"ecr:{operation}"
    arn = f"arn:aws:ecr:{region}:{owner}:repository/{name}"
    context = EvalContext(principal.arn, principal.type, principal.account, action, arn, region)
    decision = evaluate_resource_policy(ecr._repo_policies.get_scoped(owner, region, name), context).decision
    if decision == "Allow":
        set_request_account_id(owner)
        return None
    why = (
        "with an explicit deny in a resource-based policy"
        if decision == "Deny"
        else f"because no resource-based policy allows the {action} action"
    )
    return _error(
        "AccessDeniedException",
        f"User: {principal.arn} is not authorized to perform: {action} on resource: {arn} {why}",
    )


def _error(code: str, message: str) -> Response:
    body = json.dumps({"__type": code, "message": message}).encode()
    return 400, {"Content-Type": "application/x-amz-json-1.1"}, body
