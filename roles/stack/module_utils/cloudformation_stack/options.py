"""The task's options: argument spec, their typed form, and the rules that hold between them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import StackError
from .template import Template, scalar

# The value of an input that a stack which does not exist yet will produce.
KNOWN_AFTER_APPLY = "known after apply"

# Bounds of CloudFormation's RollbackConfiguration (API reference: RollbackConfiguration).
MAX_TRIGGERS = 5
MAX_MONITORING_MINUTES = 180

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "state": {
        "type": "str",
        "default": "present",
        "choices": ["present", "absent", "described", "settled", "drift_detected"],
    },
    "template": {"type": "path"},
    "template_body": {"type": "str"},
    "parameters": {"type": "dict", "default": {}},
    "keep_parameters": {"type": "list", "elements": "str", "default": []},
    "tags": {"type": "dict", "default": {}},
    "capabilities": {"type": "list", "elements": "str", "default": []},
    "service_role_arn": {"type": "str"},
    "rollback_triggers": {"type": "list", "elements": "str", "default": []},
    "monitoring_minutes": {"type": "int", "default": 0},
    "termination_protection": {"type": "bool"},
    "allow_replace_or_delete": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "bool", "default": True},
    "operation": {"type": "str"},
    "timeout": {"type": "int", "default": 3000},
    "plan_timeout": {"type": "int", "default": 300},
    "alarm_timeout": {"type": "int", "default": 900},
    "poll_interval": {"type": "float", "default": 5.0},
    "resources_to_skip": {"type": "list", "elements": "str", "default": []},
    "force_delete": {"type": "bool", "default": False},
    "console_lines": {"type": "int", "default": 30},
    "heartbeat": {"type": "dict", "default": {}},
    "variables": {"type": "dict", "default": {}},
    "region": {"type": "str"},
    "profile": {"type": "str"},
    "endpoint_url": {"type": "str"},
}


@dataclass(frozen=True)
class Options:
    """The options of one task; times are seconds unless the name says otherwise."""

    name: str
    state: str = "present"
    template: Template | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    keep_parameters: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    service_role_arn: str | None = None
    rollback_triggers: tuple[str, ...] = ()
    monitoring_minutes: int = 0
    termination_protection: bool | None = None
    allowed: frozenset[str] = frozenset()
    wait: bool = True
    operation: str | None = None
    timeout: float = 3000
    plan_timeout: float = 300
    alarm_timeout: float = 900
    poll_interval: float = 5.0
    resources_to_skip: tuple[str, ...] = ()
    force_delete: bool = False
    console_lines: int = 30
    heartbeat: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    check: bool = False

    def variable(self, option: str) -> str:
        """What a message calls an option: the variable that whoever reads it can set."""
        return self.variables.get(option, option)

    @property
    def rollback_configuration(self) -> dict[str, Any]:
        """Always the whole of it: what is left out persists on the stack from an earlier update."""
        triggers = [{"Arn": arn, "Type": trigger_type(arn)} for arn in self.rollback_triggers]
        return {"RollbackTriggers": triggers, "MonitoringTimeInMinutes": self.monitoring_minutes}

    @property
    def unknown_inputs(self) -> list[str]:
        """Parameters whose value a stack that does not exist yet will produce."""
        return sorted(name for name, value in self.parameters.items() if KNOWN_AFTER_APPLY in value)


def trigger_type(arn: str) -> str:
    """Only the two alarm types exist as triggers (API reference: RollbackTrigger)."""
    service_part = arn.split(":", 6)
    composite = len(service_part) > 5 and service_part[5] == "composite-alarm"
    return "AWS::CloudWatch::CompositeAlarm" if composite else "AWS::CloudWatch::Alarm"


def build(arguments: Mapping[str, Any], template: Template | None, check: bool) -> Options:
    """Validated arguments in their typed form.

    Raises StackError for what the types alone cannot tell: an unknown or missing parameter, bounds.
    """
    parameters = {
        str(name): scalar(value) for name, value in (arguments["parameters"] or {}).items() if value is not None
    }
    options = Options(
        name=arguments["name"],
        state=arguments["state"],
        template=template,
        parameters=parameters,
        keep_parameters=tuple(arguments["keep_parameters"] or ()),
        tags={str(key): scalar(value) for key, value in (arguments["tags"] or {}).items()},
        capabilities=tuple(arguments["capabilities"] or ()),
        service_role_arn=arguments["service_role_arn"] or None,
        rollback_triggers=tuple(arguments["rollback_triggers"] or ()),
        monitoring_minutes=arguments["monitoring_minutes"],
        termination_protection=arguments["termination_protection"],
        allowed=frozenset(arguments["allow_replace_or_delete"] or ()),
        wait=arguments["wait"],
        operation=arguments["operation"] or None,
        timeout=arguments["timeout"],
        plan_timeout=arguments["plan_timeout"],
        alarm_timeout=arguments["alarm_timeout"],
        poll_interval=arguments["poll_interval"],
        resources_to_skip=tuple(arguments["resources_to_skip"] or ()),
        force_delete=arguments["force_delete"],
        console_lines=arguments["console_lines"],
        heartbeat={str(key): scalar(value) for key, value in (arguments.get("heartbeat") or {}).items()},
        variables={str(key): scalar(value) for key, value in (arguments["variables"] or {}).items()},
        check=check,
    )
    _check(options)
    return options


def _check(options: Options) -> None:
    if len(options.rollback_triggers) > MAX_TRIGGERS:
        raise StackError(
            f"{options.variable('rollback_triggers')} has {len(options.rollback_triggers)} alarms; "
            f"CloudFormation takes {MAX_TRIGGERS}."
        )
    if not 0 <= options.monitoring_minutes <= MAX_MONITORING_MINUTES:
        raise StackError(
            f"{options.variable('monitoring_minutes')} must be 0 to {MAX_MONITORING_MINUTES}, "
            f"got {options.monitoring_minutes}."
        )
    for name in ("timeout", "plan_timeout", "poll_interval"):
        if getattr(options, name) <= 0:
            raise StackError(f"{options.variable(name)} must be more than 0 seconds, got {getattr(options, name)}.")
    if options.state != "present":
        return
    if options.template is None:
        raise StackError("state=present needs template (a file) or template_body.")
    declared = options.template.parameters
    for name in (*options.parameters, *options.keep_parameters):
        if name not in declared:
            close = difflib.get_close_matches(name, declared, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise StackError(f"The template of {options.name} has no parameter {name}.{hint}")
    if options.unknown_inputs and not options.check:
        raise StackError(
            f"{options.name}: {', '.join(options.unknown_inputs)} "
            f"{'is' if len(options.unknown_inputs) == 1 else 'are'} '{KNOWN_AFTER_APPLY}': "
            "apply the stack it comes from first."
        )


def missing_parameters(options: Options, existing: Mapping[str, str]) -> list[str]:
    """Declared parameters that have neither a value, nor a default, nor (when kept) one on the stack."""
    declared = options.template.parameters if options.template else {}
    return sorted(
        name
        for name, spec in declared.items()
        if name not in options.parameters
        and spec.default is None
        and not (name in options.keep_parameters and name in existing)
    )
