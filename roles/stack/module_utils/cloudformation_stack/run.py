"""One task: options in, result out. The action plugin adds nothing but Ansible around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import drift, remove, settle
from .apply import Present
from .compare import template_is_deployed
from .context import Context
from .describe import deployed_template, describe, facts
from .errors import StackError, error_code, error_message
from .heartbeat import Heartbeat
from .options import Options
from .session import Clients
from .text import Masker, clean

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})


def run(options: Options, clients: Clients, display: Callable[[str], None]) -> dict[str, Any]:
    """The task's result; failures are told in it (`failed`, `msg`), never raised."""
    mask = Masker(_secrets(options))
    try:
        ctx = Context(options, clients("cloudformation"), clients.region, display, mask, clients)
        if options.heartbeat:
            ctx.beat = Heartbeat(clients.in_region(options.heartbeat["region"]), options.heartbeat)
        result = _dispatch(ctx)
        stack = result.pop("stack") if "stack" in result else describe(ctx)
        result |= facts(ctx, stack)
        if options.check and options.state == "present" and not result["exists"]:
            result["known_after_apply"] = True
    except StackError as error:
        result = {"failed": True, "msg": error.message, "changed": False} | error.details
    except Exception as error:  # botocore's errors are told, and everything else is a bug with its trace
        if not _is_aws(error):
            raise
        result = {"failed": True, "msg": _sentence(options, error), "changed": False}
    result["name"] = options.name
    result["api_calls"] = clients.total
    result["api_calls_by_action"] = dict(sorted(clients.calls.items()))
    return {key: _masked(value, mask) for key, value in result.items()}


def _dispatch(ctx: Context) -> dict[str, Any]:
    if ctx.options.state == "present":
        return Present(ctx).run()
    if ctx.options.state == "absent":
        return remove.absent(ctx)
    if ctx.options.state == "drift_detected":
        return drift.detected(ctx)
    if ctx.options.state == "settled":
        return settle.settled(ctx)
    return _described(ctx)


def _described(ctx: Context) -> dict[str, Any]:
    stack, template = describe(ctx), ctx.options.template
    result: dict[str, Any] = {"changed": False, "stack": stack}
    if template is not None:
        result["template_is_deployed"] = stack is not None and template_is_deployed(template, deployed_template(ctx))
    return result


def _secrets(options: Options) -> list[str]:
    if options.template is None:
        return []
    declared = options.template.parameters
    return [value for name, value in options.parameters.items() if name in declared and declared[name].no_echo]


def _is_aws(error: Exception) -> bool:
    return type(error).__module__.startswith("botocore.") or error_code(error) != ""


def _sentence(options: Options, error: Exception) -> str:
    action = str(getattr(error, "operation_name", "") or "AWS")
    code = error_code(error)
    text = f"{options.name}: {action} failed: {f'{code}: ' if code else ''}{clean(error_message(error))}"
    if code in _EXPIRED:
        text += (
            " The credentials ran out; what CloudFormation is doing goes on. "
            "Get new ones and run the same command again to attach to it."
        )
    elif code in _DENIED:
        text += " The caller (or the service role it passes) lacks that right."
    return text


def _masked(node: Any, mask: Masker) -> Any:
    if isinstance(node, str):
        return mask(node)
    if isinstance(node, Mapping):
        return {key: _masked(value, mask) for key, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_masked(value, mask) for value in node]
    return node
