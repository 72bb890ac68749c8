"""Finding records, and letting MiniStack's own handlers change them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import alb

from localcloud import wire
from localcloud.control_plane.elbv2 import checks, store
from localcloud.wire import AwsError

Values = dict[str, Any]
Result = Mapping[str, Any] | None

MINISTACK: dict[str, Callable[[dict[str, Any]], wire.Response]] = {}


def ministack(operation: str, fields: Mapping[str, str]) -> str:
    """Lets MiniStack's own handler do it and returns its answer. Raises its error as AwsError."""
    status, _, body = MINISTACK[operation]({key: [value] for key, value in fields.items()})
    text = body.decode()
    if status >= 400:
        code, message = re.search(r"<Code>(.*?)</Code>", text), re.search(r"<Message>(.*?)</Message>", text, re.DOTALL)
        raise AwsError(code[1] if code else "InternalFailure", message[1] if message else text, status)
    return text


def arn_in(answer: str, tag: str) -> str:
    match = re.search(rf"<{tag}>(arn:[^<]+)</{tag}>", answer)
    if match is None:
        raise AwsError("InternalFailure", f"no {tag} in the answer", 500)
    return match[1]


def found(kind: Any, arn: str, code: str, what: str) -> store.Record:
    record: store.Record | None = kind.get(arn)
    if record is None:
        raise AwsError(code, f"{what} '{arn}' not found")
    return record


def load_balancer_record(arn: str) -> store.Record:
    return found(alb._lbs, arn, "LoadBalancerNotFound", "Load balancer")


def target_group_record(arn: str) -> store.Record:
    return found(alb._tgs, arn, "TargetGroupNotFound", "Target group")


def listener_record(arn: str) -> store.Record:
    return found(alb._listeners, arn, "ListenerNotFound", "Listener")


def groups_usable(actions: list[Values], load_balancer_arn: str) -> None:
    """Every target group exists and belongs to no other load balancer.

    TargetGroupAssociationLimit: "You've reached the limit on the number of load balancers per target group.", which
    is one.
    """
    for action in actions:
        for arn in checks.forward_groups(action):
            target_group_record(arn)
            if set(store.users_of(arn)) - {load_balancer_arn}:
                raise AwsError(
                    "TargetGroupAssociationLimit", f"Target group '{arn}' is already used by another load balancer"
                )
