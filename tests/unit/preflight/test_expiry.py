"""Credentials that end before the longest wait of a run."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "roles" / "preflight" / "python"))

from expiry import judge

ROLES = Path(__file__).resolve().parents[3] / "roles"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("method", "is_temporary", "expiration"),
    [
        ("env", False, ""),
        ("shared-credentials-file", False, ""),
        # Renewed by botocore itself.
        ("iam-role", True, ""),
        ("sso", True, ""),
        ("assume-role", True, "2026-11-24T12:05:00Z"),
        ("env", True, "2026-11-24T13:00:00+00:00"),
        ("env", True, "2026-11-24T13:00:00Z"),
    ],
)
def test_what_lasts_or_is_renewed_passes(method: str, is_temporary: bool, expiration: str) -> None:
    judgement = judge(method, is_temporary, expiration, NOW, HOUR)
    assert (judgement.refusal, judgement.warning) == ("", "")


@pytest.mark.parametrize(
    ("expiration", "left"),
    [
        ("2026-11-24T12:20:00Z", "end in 20 minutes"),
        ("2026-11-24T14:20:00+02:00", "end in 20 minutes"),
        ("2026-11-24T11:00:00", "have ended"),
    ],
)
def test_what_ends_too_soon_is_refused_with_the_remedy(expiration: str, left: str) -> None:
    refusal = judge("env", True, expiration, NOW, HOUR).refusal
    assert f"These credentials {left} (at {expiration}), and a run may wait 60 minutes" in refusal
    assert "AWS_PROFILE" in refusal


def test_the_remedy_is_none_that_is_refused_as_well() -> None:
    """`aws sts assume-role` gives an hour unless it is asked for more; role chaining gives no more."""
    refusal = judge("env", True, "2026-11-24T13:00:00Z", NOW, timedelta(minutes=90)).refusal
    assert "aws sts assume-role --duration-seconds <more than 5400>" in refusal
    assert "an hour, 3600, at the most" in refusal


def test_a_fresh_session_of_an_hour_passes_with_the_default() -> None:
    defaults = yaml.safe_load((ROLES / "stack/defaults/main.yml").read_text())
    needed = defaults["stack_timeout_seconds"]
    assert f"stack_timeout_seconds | default({needed})" in (ROLES / "preflight/tasks/account.yml").read_text()
    five_minutes_later = NOW + timedelta(minutes=5)
    judgement = judge("env", True, "2026-11-24T13:00:00Z", five_minutes_later, timedelta(seconds=needed))
    assert judgement.refusal == ""


@pytest.mark.parametrize(("method", "expiration"), [("env", ""), ("shared-credentials-file", ""), ("env", "soon")])
def test_where_nobody_can_tell_it_is_said(method: str, expiration: str) -> None:
    judgement = judge(method, True, expiration, NOW, HOUR)
    assert judgement.refusal == ""
    assert judgement.warning
