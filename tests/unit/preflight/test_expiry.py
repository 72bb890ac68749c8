"""Credentials that end before the longest wait of a run."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "roles" / "preflight" / "python"))

from expiry import judge

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


@pytest.mark.parametrize(("method", "expiration"), [("env", ""), ("shared-credentials-file", ""), ("env", "soon")])
def test_where_nobody_can_tell_it_is_said(method: str, expiration: str) -> None:
    judgement = judge(method, True, expiration, NOW, HOUR)
    assert judgement.refusal == ""
    assert judgement.warning
