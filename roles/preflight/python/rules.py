"""Rules that neither a variable's type nor its template's bounds express, most of them between several variables."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Finding = tuple[str, str]
Values = Mapping[str, Any]
Rule = Callable[[Values], Iterator[Finding]]

# What tells the names of one target from those of another.
MADE_OF = ("aws_account_id", "app_name", "env_name")
# It becomes part of names that have to be shorter than the template's bound, and is told from what stands around it.
ENV_NAME = re.compile(r"[a-z][a-z0-9]{0,11}")
# Graviton types carry a g among the letters after the generation's number: t4g, c7gn, m8gd; a1 was the first.
ARM_TYPE = re.compile(r"(?:a1|[a-z]+\d+[a-z-]*g[a-z-]*)\.")
INSTANCE_TYPE = re.compile(r"[a-z][a-z0-9-]*\.(?:nano|micro|small|medium|large|metal|\d*xlarge|metal-\d+xl)")


def broken(values: Values) -> list[Finding]:
    """Apply every rule to values that already have the right types."""
    return [finding for rule in RULES for finding in rule(values)]


def shared_name(target: str, targets: Mapping[str, Values]) -> list[Finding]:
    """Refuse a target whose names are another's too.

    A second region is a second target, and some names are of the account and not of a region.

    :param targets: every target of the inventory, with what its names are made of (MADE_OF).
    """
    own = targets[target]
    others = [other for other, values in targets.items() if other != target and values == own]
    if not others:
        return []
    return [
        (
            "env_name",
            (
                f"{target} and {', '.join(others)} are both env_name {own['env_name']} of app_name {own['app_name']} "
                f"in account {own['aws_account_id']}: they would share the dashboard and the record of releases. Give "
                "each target its own env_name, in host_vars/<target>.yml."
            ),
        )
    ]


def _names(values: Values) -> Iterator[Finding]:
    if not ENV_NAME.fullmatch(values["env_name"]):
        yield "env_name", f"env_name must be 1 to 12 lower-case letters and digits, got {values['env_name']!r}."


def _accounts(values: Values) -> Iterator[Finding]:
    for name in ("aws_account_id", "registry_account_id"):
        if not re.fullmatch(r"\d{12}", str(values[name])):
            yield name, f"{name} must be 12 digits, in quotes, got {values[name]!r}."


def _sizes(values: Values) -> Iterator[Finding]:
    least, most = int(values["fleet_min_size"]), int(values["fleet_max_size"])
    if least < 1:
        yield "fleet_min_size", f"fleet_min_size must be at least 1, got {least}."
    if least > most:
        yield "fleet_min_size", f"fleet_min_size ({least}) must not exceed fleet_max_size ({most})."


def _percentages(values: Values) -> Iterator[Finding]:
    least, most = int(values["fleet_min_healthy_percent"]), int(values["fleet_max_healthy_percent"])
    if most - least > 100:
        yield (
            "fleet_max_healthy_percent",
            (f"fleet_max_healthy_percent must be at most 100 above fleet_min_healthy_percent ({least}), got {most}."),
        )


def _health_check(values: Values) -> Iterator[Finding]:
    interval = int(values["load_balancer_health_check_interval_seconds"])
    timeout = int(values["load_balancer_health_check_timeout_seconds"])
    if timeout >= interval:
        yield (
            "load_balancer_health_check_timeout_seconds",
            (
                "load_balancer_health_check_timeout_seconds must be less than "
                f"load_balancer_health_check_interval_seconds ({interval}), got {timeout}."
            ),
        )


def _waits(values: Values) -> Iterator[Finding]:
    launch, ready = int(values["fleet_launch_timeout_seconds"]), int(values["fleet_ready_timeout_seconds"])
    if ready <= launch:
        yield (
            "fleet_ready_timeout_seconds",
            (
                f"fleet_ready_timeout_seconds ({ready}) must exceed fleet_launch_timeout_seconds ({launch}), "
                "or the wait ends before the first instance could report."
            ),
        )
    stack = int(values["stack_timeout_seconds"])
    if stack < 1:
        yield "stack_timeout_seconds", f"stack_timeout_seconds must be more than 0, got {stack}."


def _platform(values: Values) -> Iterator[Finding]:
    kind, platform = values["fleet_instance_type"], values["image_platform"]
    if not INSTANCE_TYPE.fullmatch(kind):
        yield "fleet_instance_type", f"fleet_instance_type {kind!r} is not the name of an EC2 instance type."
        return
    if (values["fleet_cpu_credits"] == "none") == bool(re.match(r"t\d", kind)):
        wanted = "standard or unlimited" if kind.startswith("t") else "none"
        yield "fleet_cpu_credits", f"fleet_cpu_credits must be {wanted} for {kind}, got {values['fleet_cpu_credits']}."
    needed = "linux/arm64" if ARM_TYPE.match(kind) else "linux/amd64"
    if platform != needed:
        yield (
            "fleet_instance_type",
            (f"fleet_instance_type {kind} runs {needed}, and image_platform is {platform}: change one of the two."),
        )


def _emails(values: Values) -> Iterator[Finding]:
    name = "load_balancer_alert_emails"
    if not values[name]:
        yield name, f"{name} is empty: alarms need at least one address to be mailed to."
    # The template names each subscription after the letters and digits of its address.
    names = [re.sub(r"[^A-Za-z0-9]", "", str(address)) for address in values[name]]
    if len(set(names)) < len(names):
        yield name, f"{name} holds an address twice, or two that differ in punctuation only."


def _ranges(values: Values) -> Iterator[Finding]:
    for name, shortest, longest in (("network_cidr", 16, 22), ("load_balancer_ingress_cidr", 0, 32)):
        try:
            network = ipaddress.IPv4Network(values[name])
        except ValueError as error:
            yield name, f"{name} must be an IPv4 range in CIDR notation, got {values[name]!r}: {error}."
            continue
        if not shortest <= network.prefixlen <= longest:
            yield name, f"{name} must be a range from /{shortest} to /{longest}, got {values[name]}."


def _existing_network(values: Values) -> Iterator[Finding]:
    vpc, subnets = values["network_vpc_id"], values["network_subnet_ids"]
    if vpc and vpc != "default" and not re.fullmatch(r"vpc-[0-9a-f]+", vpc):
        yield "network_vpc_id", f'network_vpc_id must be empty, "default" or a VPC\'s id, got {vpc!r}.'
    elif vpc and vpc != "default" and len(subnets) < 2:
        yield (
            "network_subnet_ids",
            (f"network_subnet_ids must name public subnets of {vpc} in at least two zones, got {subnets!r}."),
        )
    elif subnets and vpc in ("", "default"):
        yield "network_subnet_ids", "network_subnet_ids is used only together with the id of a VPC in network_vpc_id."


def _certificate(values: Values) -> Iterator[Finding]:
    valid, renew = int(values["certificate_valid_days"]), int(values["certificate_renew_days"])
    if not 0 < renew < valid:
        yield (
            "certificate_renew_days",
            (f"certificate_renew_days ({renew}) must be less than certificate_valid_days ({valid}), and more than 0."),
        )


def _release_steps(values: Values) -> Iterator[Finding]:
    steps = [int(step) for step in values["release_steps"]]
    if not steps or steps != sorted(set(steps)) or steps[0] < 1 or steps[-1] != 100:
        yield "release_steps", f"release_steps must ascend and end with 100, got {steps}."


RULES: tuple[Rule, ...] = (
    _names,
    _accounts,
    _sizes,
    _percentages,
    _health_check,
    _waits,
    _platform,
    _emails,
    _ranges,
    _existing_network,
    _certificate,
    _release_steps,
)
