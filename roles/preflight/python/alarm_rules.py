"""Rules about alarms: that each can ring when it should, and that a release waits long enough for those that end it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Finding = tuple[str, str]
Values = Mapping[str, Any]
Rule = Callable[[Values], Iterator[Finding]]

# Seconds by which an Application Load Balancer's metrics lag behind its requests.
METRICS_LAG = 180
# An instance refresh takes no more (RefreshPreferences, BakeTime).
LONGEST_BAKE = 172_800
# What stands in JSON and in a mail, and gets #section appended. keep in sync with the templates' RunbookUrl
RUNBOOK_URL = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/%+@:-]*)?")

WINDOWS = (
    ("load_balancer_release_alarm", 10),
    ("load_balancer_latency", 24),
    ("fleet_cpu_alarm", 24),
)
"""Prefix of the variables _period_seconds, _periods and (not of all) _datapoints, and the most periods: with the
longest period that may be chosen they are the day that an alarm can look back at the most ("PutMetricAlarm")."""


def broken(values: Values) -> list[Finding]:
    """Apply every rule to values that already have the right types."""
    return [finding for rule in RULES for finding in rule(values)]


def _cpu(values: Values) -> Iterator[Finding]:
    target, alarm = int(values["fleet_cpu_target_percent"]), int(values["fleet_cpu_alarm_percent"])
    if not 0 <= target <= 90:
        yield "fleet_cpu_target_percent", f"fleet_cpu_target_percent must be 0 (off) to 90, got {target}."
    # An alarm rings above its threshold, and nothing is above 100 %.
    if not target < alarm <= 99:
        yield (
            "fleet_cpu_alarm_percent",
            (
                f"fleet_cpu_alarm_percent must exceed fleet_cpu_target_percent ({target}) and be at most 99, "
                f"got {alarm}."
            ),
        )


def _windows(values: Values) -> Iterator[Finding]:
    for prefix, most in WINDOWS:
        periods = int(values[f"{prefix}_periods"])
        if not 1 <= periods <= most:
            yield f"{prefix}_periods", f"{prefix}_periods must be 1 to {most}, got {periods}."
        datapoints = values.get(f"{prefix}_datapoints")
        if datapoints is not None and not 1 <= int(datapoints) <= periods:
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
    if bake != 0 and not needed <= bake <= LONGEST_BAKE:
        yield (
            "fleet_bake_seconds",
            (
                f"fleet_bake_seconds must be {needed} to {LONGEST_BAKE}, or 0 to watch no longer than instances are "
                f"replaced, got {bake}: the alarms that end a release look at {periods} periods of {seconds} s, and "
                f"their metrics lag by {METRICS_LAG} s."
            ),
        )


def _thresholds(values: Values) -> Iterator[Finding]:
    share = int(values["load_balancer_error_share_percent"])
    if not 1 <= share <= 99:
        yield "load_balancer_error_share_percent", f"load_balancer_error_share_percent must be 1 to 99, got {share}."
    for name in ("load_balancer_connection_error_count", "load_balancer_error_count"):
        if not 0 <= int(values[name]) <= 100_000:
            yield name, f"{name} must be 0 to 100000, got {values[name]}."
    latency = float(values["load_balancer_latency_seconds"])
    if not 0.01 <= latency <= 4000:
        yield "load_balancer_latency_seconds", f"load_balancer_latency_seconds must be 0.01 to 4000, got {latency:g}."


def _certificate(values: Values) -> Iterator[Finding]:
    days, renewed = int(values["load_balancer_certificate_expiry_days"]), int(values["certificate_renew_days"])
    if not 1 <= days < renewed:
        yield (
            "load_balancer_certificate_expiry_days",
            (
                f"load_balancer_certificate_expiry_days must be at least 1 and less than certificate_renew_days "
                f"({renewed}), or it rings before a run would renew the certificate, got {days}."
            ),
        )


def _runbook(values: Values) -> Iterator[Finding]:
    address = str(values["load_balancer_runbook_url"])
    if not RUNBOOK_URL.fullmatch(address) or len(address) > 300:
        yield (
            "load_balancer_runbook_url",
            (
                "load_balancer_runbook_url must begin with https:// and have neither a query nor a fragment (each "
                f"alarm appends #section), at most 300 characters, got {address!r}."
            ),
        )


RULES: tuple[Rule, ...] = (_cpu, _windows, _bake, _thresholds, _certificate, _runbook)
