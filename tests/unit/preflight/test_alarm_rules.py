"""Rules about alarms: every environment keeps them, each bad value gives one sentence that names the variable."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.templates import load

PROJECT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(PROJECT / "roles" / "preflight" / "python"))

import alarm_rules  # noqa: E402
import specifications  # noqa: E402

ROLES = specifications.load(PROJECT / "roles")


def values_of(environment: str) -> dict[str, Any]:
    inventory = PROJECT / "inventories" / environment / "group_vars" / "all.yml"
    given: dict[str, Any] = specifications.given(ROLES, yaml.safe_load(inventory.read_text(encoding="utf-8")))
    return given


@pytest.fixture
def values() -> dict[str, Any]:
    return values_of("staging")


@pytest.mark.parametrize("environment", ["staging", "production", "local"])
def test_environments_are_sane(environment: str) -> None:
    assert alarm_rules.broken(values_of(environment)) == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("fleet_cpu_alarm_percent", 30, "must exceed fleet_cpu_target_percent (40)"),
        ("fleet_cpu_alarm_percent", 40, "must exceed fleet_cpu_target_percent (40)"),
        ("fleet_cpu_alarm_datapoints", 4, "must be 1 to fleet_cpu_alarm_periods (3), got 4"),
        ("fleet_bake_seconds", 359, "must be at least 360, or 0"),
        ("load_balancer_release_alarm_period_seconds", 120, "must be at least 540, or 0"),
        ("load_balancer_certificate_expiry_days", 30, "less than certificate_renew_days (30)"),
    ],
)
def test_one_sentence_names_what_is_wrong(values: dict[str, Any], name: str, value: Any, sentence: str) -> None:
    assert any(sentence in finding for _, finding in alarm_rules.broken(values | {name: value}))


def test_no_alarm_looks_back_longer_than_a_day() -> None:
    """PutMetricAlarm, Period: "can't be longer than one day", for periods of less than an hour."""
    parameters = load("load_balancer.yml")["Parameters"] | load("fleet.yml")["Parameters"]
    for name, parameter in parameters.items():
        if name.endswith("Periods"):
            lengths = parameters[name.removesuffix("s") + "Seconds"]["AllowedValues"]
            assert parameter["MaxValue"] * max(lengths) <= 86_400


def test_no_bake_at_all_is_a_choice(values: dict[str, Any]) -> None:
    assert alarm_rules.broken(values | {"fleet_bake_seconds": 0}) == []
