"""docs/environments.md says all that tells staging and production apart, and says it truly."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
import yaml

from tests.cloud import PROJECT

sys.path.insert(0, str(PROJECT / "roles" / "preflight" / "python"))

import specifications

DOCUMENT = (PROJECT / "docs" / "environments.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| `(?P<name>\w+)` \| (?P<staging>[^|]+) \| (?P<production>[^|]+) \| (?P<why>[^|]+) \|$", re.MULTILINE
)
ROWS = {row["name"]: row for row in ROW.finditer(DOCUMENT)}
ROLES = specifications.load(PROJECT / "roles")


def values(name: str) -> dict[str, Any]:
    text = (PROJECT / "inventories" / name / "group_vars" / "all.yml").read_text(encoding="utf-8")
    given: dict[str, Any] = specifications.given(ROLES, yaml.safe_load(text))
    return given


def told(value: Any) -> str:
    """A value as the table has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and "@" in str(value):
        return f"{len(value)} address" + ("es" if len(value) > 1 else "")
    if isinstance(value, list):
        return ", ".join(value) or "none"
    # What an environment has of itself.
    return "its own" if str(value).startswith("{{") else str(value)


STAGING, PRODUCTION = values("staging"), values("production")


def test_every_difference_is_told_and_no_other() -> None:
    differences = {
        name for name in {*STAGING, *PRODUCTION} if name not in STAGING or STAGING[name] != PRODUCTION.get(name)
    }
    assert set(ROWS) == differences


@pytest.mark.parametrize("name", ROWS)
def test_the_values_are_those_of_the_inventories(name: str) -> None:
    row = ROWS[name]
    assert (row["staging"], row["production"]) == (told(STAGING[name]), told(PRODUCTION[name]))


@pytest.mark.parametrize("name", ROWS)
def test_each_has_a_reason(name: str) -> None:
    assert len(ROWS[name]["why"].split()) >= 5
