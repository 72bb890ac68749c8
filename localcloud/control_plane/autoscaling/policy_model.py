"""Records of a scaling policy. No behaviour that needs a clock.

Only target tracking: the other types are refused by name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Side = Literal["High", "Low"]
"""Which of a policy's two alarms: the one that scales out, or the one that scales in."""


@dataclass(frozen=True)
class Tracking:
    """TargetTrackingConfiguration of the API, with a predefined metric."""

    metric: str
    """Its PredefinedMetricType."""
    target: float
    """In the metric's own unit: percent, or requests per instance and minute."""
    resource_label: str | None = None
    scale_in: bool = True
    """False: DisableScaleIn."""


@dataclass(frozen=True)
class PolicyAlarm:
    name: str
    arn: str


@dataclass
class Policy:
    """A target tracking policy of a group."""

    name: str
    arn: str
    tracking: Tracking
    warmup: int | None = None
    """EstimatedInstanceWarmup in seconds; None: the group's."""
    enabled: bool = True
    alarms: dict[Side, PolicyAlarm] = field(default_factory=dict)
    low_value: float | None = None
    """What AlarmLow called with last: another policy's scale-in has to leave enough for this one too."""
