"""What state an alarm is in, from its data points alone.

Source: "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data" (CloudWatch user guide), whose
tables are a contract test. More data points are looked at than EvaluationPeriods, so that missing ones can be made up
for by older ones; what is missing then is filled in, as TreatMissingData says.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from localcloud.desired import AlarmState

Point = TypeVar("Point")

EXTRA_PERIODS = 2
EXTRA_SECONDS = 180

COMPARISONS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": ("greater than or equal to", lambda value, threshold: value >= threshold),
    "GreaterThanThreshold": ("greater than", lambda value, threshold: value > threshold),
    "LessThanThreshold": ("less than", lambda value, threshold: value < threshold),
    "LessThanOrEqualToThreshold": ("less than or equal to", lambda value, threshold: value <= threshold),
}
"""ComparisonOperator → (in the words of a StateReason, the comparison)"""


@dataclass(frozen=True)
class Rule:
    """M out of N: `to_alarm` out of `periods`."""

    periods: int
    to_alarm: int
    treat_missing: str


@dataclass(frozen=True)
class Verdict(Generic[Point]):
    """`state` None: the alarm stays in the one it is in."""

    state: AlarmState | None
    breaching: Sequence[Point] = ()
    """Newest first, as `fine` too: the data points that were looked at."""
    fine: Sequence[Point] = ()
    filled: int = 0
    """How many were missing, and treated as TreatMissingData says."""


def evaluation_range(rule_periods: int, period: int) -> int:
    """How many data points are looked at, for a period in seconds.

    The guide's example is 5 for 3 periods of 5 minutes; "the exact number … depends on the length of the alarm period".
    How is not documented. Here it is at least three minutes more, which is how late metrics of a load balancer may be.
    """
    return rule_periods + max(EXTRA_PERIODS, math.ceil(EXTRA_SECONDS / period))


def judge(points: Sequence[Point | None], rule: Rule, is_breaching: Callable[[Point], bool]) -> Verdict[Point]:
    """`points` are those of the evaluation range, the newest last; None: missing."""
    newest_first = [(age, point) for age, point in enumerate(reversed(points), start=1) if point is not None]
    looked_at = newest_first[: rule.periods]
    breaching = [(age, point) for age, point in looked_at if is_breaching(point)]
    fine = [point for _, point in looked_at if not is_breaching(point)]
    filled = rule.periods - len(looked_at)
    return Verdict(
        _state(rule, [age for age, _ in breaching], len(fine), filled),
        [point for _, point in breaching],
        fine,
        filled,
    )


def _state(rule: Rule, breaching_ages: Sequence[int], fine: int, filled: int) -> AlarmState | None:
    breaching = len(breaching_ages) + (filled if rule.treat_missing == "breaching" else 0)
    if breaching >= rule.to_alarm:
        return "ALARM"
    if fine or rule.treat_missing in ("breaching", "notBreaching"):
        return "OK"
    if rule.treat_missing == "ignore":
        return None
    if not breaching_ages:
        return "INSUFFICIENT_DATA"
    # "Avoiding premature transitions to alarm state": too few, but none is fine, and the oldest is old enough.
    # Where it is not, the guide says only that the alarm does not go into ALARM: it waits for the next data point.
    return "ALARM" if breaching_ages[-1] >= rule.to_alarm else None
