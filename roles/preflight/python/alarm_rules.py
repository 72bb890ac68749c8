"""Rules about alarms: that each can ring when it should, and that a release waits long enough for those that end it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Finding = tuple[str, str]
Values = Mapping[str, Any]
Rule = Callable[[Values], Iterator[Finding]]

# Seconds by which an Application Load Balancer's metrics lag behind its requests.
METRICS_LAG = 180

WINDOWS = ("load_balancer_release_alarm", "fleet_cpu_alarm")
"""Prefixes of the variables _periods and _datapoints."""


def broken(values: Values) -> list[Finding]:
    """Apply every rule to values that already have the right types."""
    return [finding for rule in RULES for finding in rule(values)]


def _cpu(values: Values) -> Iterator[Finding]:
    target, alarm = int(values["fleet_cpu_target_percent"]), int(values["fleet_cpu_alarm_percent"])
    if alarm <= target:
        yield (
            "fleet_cpu_alarm_percent",
            f"fleet_cpu_alarm_percent must exceed fleet_cpu_target_percent ({target}), got {alarm}.",
        )


def _windows(values: Values) -> Iterator[Finding]:
    for prefix in WINDOWS:
        periods, datapoints = int(values[f"{prefix}_periods"]), int(values[f"{prefix}_datapoints"])
        if datapoints > periods:
            yield (
                f"{prefix}_datapoints",
                (
                    f"{prefix}_datapoints must be 1 to {prefix}_periods ({periods}), got {datapoints}: "
                    "the alarm could never ring."
                ),
            )


def _bake(values: Values) -> Iterator[Finding]:
    bake = int(values["fleet_bake_seconds"])
    seconds = int(values["load_balancer_release_alarm_period_seconds"])
    periods = int(values["load_balancer_release_alarm_periods"])
    needed = seconds * periods + METRICS_LAG
    if 0 < bake < needed:
        yield (
            "fleet_bake_seconds",
            (
                f"fleet_bake_seconds must be at least {needed}, or 0 to watch no longer than instances are replaced, "
                f"got {bake}: the alarms that end a release look at {periods} periods of {seconds} s, and their "
                f"metrics lag by {METRICS_LAG} s."
            ),
        )


def _certificate(values: Values) -> Iterator[Finding]:
    days, renewed = int(values["load_balancer_certificate_expiry_days"]), int(values["certificate_renew_days"])
    if days >= renewed:
        yield (
            "load_balancer_certificate_expiry_days",
            (
                f"load_balancer_certificate_expiry_days must be less than certificate_renew_days ({renewed}), or it "
                f"rings before a run would renew the certificate, got {days}."
            ),
        )


RULES: tuple[Rule, ...] = (_cpu, _windows, _bake, _certificate)
