"""What was seen, and when. Moments are Unix time in seconds, on the same clock as the requests'."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Instance:
    """An instance as its Auto Scaling group sees it, in the API's words."""

    colour: str
    state: str
    """Lifecycle state, such as `Pending:Wait` or `InService`."""
    health: str
    version: str
    """Of the launch template it was made from."""


@dataclass(frozen=True)
class Refresh:
    """An instance refresh of a group."""

    colour: str
    identity: str
    status: str
    percent: int
    reason: str = ""


@dataclass(frozen=True)
class Sample:
    """Everything at one moment."""

    at: float
    instances: Mapping[str, Instance] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    """Instance id → target state, such as `healthy` or `draining`."""
    weights: Mapping[str, int] = field(default_factory=dict)
    """Colour → weight of its target group."""
    refreshes: Sequence[Refresh] = ()
    alarms: Mapping[str, str] = field(default_factory=dict)
    """Name → `OK`, `ALARM` or `INSUFFICIENT_DATA`."""


@dataclass(frozen=True)
class StackEvent:
    """One line of a stack's events."""

    at: float
    stack: str
    resource: str
    kind: str
    status: str
    reason: str = ""

    @property
    def of_the_stack(self) -> bool:
        return self.kind == "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class Note:
    """Something that was done to the environment from outside, and is in no API."""

    at: float
    what: str


@dataclass(frozen=True)
class Observations:
    """A recording: samples and events in order of time, and what is known of names."""

    samples: Sequence[Sample]
    events: Sequence[StackEvent]
    releases: Mapping[str, str]
    """`<colour>/<launch template version>` → release, as its instances are told."""
    notes: Sequence[Note] = ()
    gaps: Sequence[str] = ()
    """Questions that had no answer, with their moments: what is missing from the picture."""
