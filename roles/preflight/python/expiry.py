"""Whether credentials last as long as the longest wait: a deploy that loses them half-way leaves nobody watching."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FIXED = ("env", "explicit", "shared-credentials-file", "config-file")
"""Ways by which botocore finds credentials and does not renew them (Credentials.method)."""


@dataclass(frozen=True)
class Judgement:
    """At most one of both is a sentence."""

    refusal: str = ""
    warning: str = ""


def judge(method: str, is_temporary: bool, expiration: str, now: datetime, needed: timedelta) -> Judgement:
    """About credentials that were found in a way (`method`).

    :param expiration: moment in ISO 8601, empty when nobody says (AWS_CREDENTIAL_EXPIRATION).
    :param needed: the longest wait of a run.
    """
    if not is_temporary or method not in FIXED:
        return Judgement()
    if not expiration:
        return Judgement(
            warning=f"These are temporary credentials that do not say when they end; a run may wait {_minutes(needed)} "
            "(stack_timeout_seconds). Should they end before, start the same command again with new ones: it goes on."
        )
    try:
        end = datetime.fromisoformat(expiration)
    except ValueError:
        return Judgement(warning=f"AWS_CREDENTIAL_EXPIRATION is no moment in ISO 8601: {expiration!r}.")
    if end.tzinfo is None:
        end = end.replace(tzinfo=now.tzinfo)
    if end - now >= needed:
        return Judgement()
    left = f"end in {_minutes(end - now)}" if end > now else "have ended"
    return Judgement(
        refusal=f"These credentials {left} (at {expiration}), and a run may wait {_minutes(needed)} "
        "(stack_timeout_seconds). Get new ones (aws sso login, or aws sts assume-role --duration-seconds "
        f"<more than {needed.total_seconds():.0f}>; a role that assumes another one gets an hour, 3600, at the most), "
        "use a profile that renews them by itself (AWS_PROFILE), or shorten stack_timeout_seconds."
    )


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} minutes"
