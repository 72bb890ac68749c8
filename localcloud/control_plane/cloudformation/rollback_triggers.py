"""Alarms that roll a stack back: while an operation runs, and for its monitoring time after the last resource.

"If any of the alarms goes to ALARM state during the stack operation or this monitoring period, CloudFormation rolls
back the entire stack operation"; old resources are disposed of after the monitoring period ("Roll back your
CloudFormation stack on alarm breach with rollback triggers", user guide). "If a specified trigger is missing, the
entire stack operation fails and is rolled back" (API reference, RollbackTrigger). Not documented: an alarm that is in
ALARM when the operation begins. Here it rolls back as well, so that nothing is deployed into a running alarm.

MiniStack's engine has no moment between the last resource and the disposal at which a stack could wait. So an
operation that is monitored gets one resource more, which comes last, waits, and is neither listed nor in the events.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.services.cloudformation import changesets, handlers, stacks

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation import stack_settings
from localcloud.control_plane.cloudformation.refused import RefusedError
from localcloud.control_plane.lock import LOCK
from localcloud.desired import Alarms

PAUSE = "RollbackTriggersMonitoringTime"
PAUSE_TYPE = "AWS::CloudFormation::MonitoringTime"
POLL_SECONDS = 0.1


@dataclass
class Watch:
    """One operation; `reason` says why it is to be rolled back, empty while it is not."""

    stack: dict[str, Any]
    triggers: tuple[str, ...]
    seconds: float
    account: str
    region: str
    reason: str = ""
    ended: bool = False


_watch: ContextVar[Watch | None] = ContextVar("rollback triggers of the operation", default=None)


class RollbackTriggers:
    """`scaled`: seconds of AWS time → real ones."""

    def __init__(self, alarms: Alarms, scaled: Callable[[float], float]) -> None:
        self._alarms = alarms
        self._scaled = scaled

    def install(self) -> None:
        """Once per process; after whoever else replaces `_add_event` and `_roll_back_operation`."""
        deploy = self._deploying(stacks._deploy_stack_async)
        stacks._deploy_stack_async = handlers._deploy_stack_async = changesets._deploy_stack_async = deploy
        stacks._roll_back_operation = handlers._roll_back_operation = _rolling_back(stacks._roll_back_operation)
        stacks._provision_keeping_seed = _unless_breached(stacks._provision_keeping_seed, "creation")
        stacks._update_keeping_seed = _unless_breached(stacks._update_keeping_seed, "update")
        stacks._add_event = _without_pause(stacks._add_event)
        stacks._resolve_stack_outputs = _after_pause(stacks._resolve_stack_outputs)
        seam.replace_resource_type(PAUSE_TYPE, seam.ResourceHandler(_pause, _never, lambda *_: None))
        seam.run_on_worker_thread(PAUSE_TYPE)

    def _deploying(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def deploy(
            stack_name: str, stack_id: str, template: Mapping[str, Any], *rest: Any, **options: Any
        ) -> None:
            stack = seam.find_stack(stack_id)
            configuration = stack_settings.of(stack or {}).rollback
            if stack is None or not (configuration.triggers or configuration.minutes):
                await original(stack_name, stack_id, template, *rest, **options)
                return
            triggers = tuple(trigger.arn for trigger in configuration.triggers or ())
            watch = Watch(stack, triggers, self._scaled((configuration.minutes or 0) * 60), *seam.scope())
            self._look(watch)
            token = _watch.set(watch)
            watching = asyncio.get_running_loop().create_task(self._keep_looking(watch))
            try:
                await original(stack_name, stack_id, _with_pause(template), *rest, **options)
            finally:
                watching.cancel()
                _watch.reset(token)
                _forget_pause(stack, template)

        return deploy

    async def _keep_looking(self, watch: Watch) -> None:
        # Cancelled with the operation, so that a resource that waits gives up too; its token stays the events'.
        client_token = stacks.CLIENT_REQUEST_TOKEN.get()
        while not watch.ended:
            self._look(watch)
            if watch.reason:
                watch.stack.setdefault("_cancel_token", client_token)
                watch.stack["_cancel_requested"] = True
                return
            await asyncio.sleep(POLL_SECONDS)

    def _look(self, watch: Watch) -> None:
        for arn in watch.triggers:
            with LOCK:
                state = self._alarms.state(watch.account, watch.region, arn)
            if state is None:
                watch.reason = f"Rollback trigger {arn} does not exist"
            elif state == "ALARM":
                watch.reason = f"Rollback trigger {arn} is in ALARM state"
            if watch.reason:
                return


def _with_pause(template: Mapping[str, Any]) -> dict[str, Any]:
    resources = template.get("Resources") or {}
    return {**template, "Resources": {**resources, PAUSE: {"Type": PAUSE_TYPE, "DependsOn": list(resources)}}}


def _pause(logical_id: str, properties: seam.Attributes, stack_name: str) -> tuple[str, seam.Attributes]:
    """On a worker thread: until the monitoring time is over, an alarm is there, or somebody cancels the update."""
    watch = _watch.get()
    if watch is None:
        raise RefusedError(f"{PAUSE_TYPE} is no type that a template can have")
    deadline = time.monotonic() + watch.seconds
    while not watch.reason and time.monotonic() < deadline:
        if seam.is_update_cancelled(stack_name):
            watch.reason = watch.reason or "User Initiated"
        time.sleep(min(POLL_SECONDS, max(0.0, deadline - time.monotonic())))
    if watch.reason:
        raise RefusedError(watch.reason)
    return logical_id, {}


def _never(*_: Any) -> tuple[str, seam.Attributes]:
    raise AssertionError("it is taken out of the stack before an update could find it")


def _unless_breached(original: Callable[..., Any], doing: str) -> Callable[..., Any]:
    def act(resource_type: str, *rest: Any) -> Any:
        watch = _watch.get()
        if watch is not None and watch.reason and resource_type != PAUSE_TYPE:
            raise RefusedError(f"Resource {doing} cancelled")
        return original(resource_type, *rest)

    return act


def _rolling_back(original: Callable[..., Any]) -> Callable[..., Any]:
    async def roll_back(
        stack_name: str, stack_id: str, stack: dict[str, Any], operation: Any, reason_override: str = ""
    ) -> None:
        watch = _watch.get()
        if watch is not None:
            watch.ended = True
            if stack.pop("_cancel_requested", False):
                stacks.CLIENT_REQUEST_TOKEN.set(stack.pop("_cancel_token", ""))
            reason_override = reason_override or watch.reason
        await original(stack_name, stack_id, stack, operation, reason_override)

    return roll_back


def _without_pause(original: Callable[..., None]) -> Callable[..., None]:
    def add(stack_id: str, stack_name: str, logical_id: str, resource_type: str, *rest: Any, **more: Any) -> None:
        if resource_type != PAUSE_TYPE:
            original(stack_id, stack_name, logical_id, resource_type, *rest, **more)

    return add


def _after_pause(original: Callable[..., Any]) -> Callable[..., Any]:
    """Outputs come next; when they are there, nothing rolls the operation back any more."""

    def resolve(*arguments: Any) -> Any:
        outputs = original(*arguments)
        watch = _watch.get()
        if watch is not None:
            watch.ended = True
            watch.stack.get("_resources", {}).pop(PAUSE, None)
        return outputs

    return resolve


def _forget_pause(stack: dict[str, Any], template: Mapping[str, Any]) -> None:
    stack.get("_resources", {}).pop(PAUSE, None)
    if PAUSE in (stack.get("_template") or {}).get("Resources", {}):
        stack["_template"] = template
    failed = stack.get("_failed_operation")
    if failed:
        failed["created"] = [one for one in failed["created"] if one != PAUSE]
        failed["template"] = template
