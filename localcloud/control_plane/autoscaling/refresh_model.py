"""Records of an instance refresh: what was asked for, and how far it is. No behaviour that needs a clock.

Moments are Unix time in seconds; durations are seconds of AWS time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from localcloud.control_plane.autoscaling.model import LaunchTemplateRef


class RefreshStatus(StrEnum):
    """In the words of the API's Status (InstanceRefresh, EC2 Auto Scaling API)."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    BAKING = "Baking"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    CANCELLING = "Cancelling"
    CANCELLED = "Cancelled"
    ROLLBACK_IN_PROGRESS = "RollbackInProgress"
    ROLLBACK_SUCCESSFUL = "RollbackSuccessful"
    ROLLBACK_FAILED = "RollbackFailed"


ACTIVE = (
    RefreshStatus.PENDING,
    RefreshStatus.IN_PROGRESS,
    RefreshStatus.BAKING,
    RefreshStatus.CANCELLING,
    RefreshStatus.ROLLBACK_IN_PROGRESS,
)

Protected = Literal["Refresh", "Ignore", "Wait"]
"""What becomes of instances that are protected from scale-in."""


@dataclass(frozen=True)
class Preferences:
    """RefreshPreferences of the API. Percentages are of the desired capacity; `warmup` None means the group's own.

    `max_healthy` None: left out, which is not the same as 100. An instance is then terminated while its replacement is
    launched, except where `min_healthy` is 100.
    """

    min_healthy: int
    max_healthy: int | None
    warmup: int | None = None
    skip_matching: bool = False
    checkpoints: tuple[int, ...] = ()
    checkpoint_delay: int = 3600
    bake: int = 0
    alarms: tuple[str, ...] = ()
    auto_rollback: bool = False
    protected: Protected = "Wait"


@dataclass(frozen=True)
class Rollback:
    """RollbackDetails of the API: why and when, and how far the refresh had come."""

    reason: str
    started: float
    percentage: int
    to_update: int


@dataclass
class Refresh:
    """One instance refresh of one group."""

    refresh_id: str
    preferences: Preferences
    started: float
    old: frozenset[str]
    """Instances that were there at the start and have to go."""
    total: int
    desired_template: LaunchTemplateRef | None = None
    """DesiredConfiguration: what is launched from now on, and the group's own template once the refresh succeeds."""
    rollback: Rollback | None = None
    status: RefreshStatus = RefreshStatus.PENDING
    reason: str = ""
    ended: float | None = None
    surplus: int = 0
    """How many instances the group may have beyond its desired capacity, now."""
    replaced: int = 0
    progress_at: float = 0.0
    """When something was last replaced: a refresh that gets nowhere fails some time after."""
    checkpoint: int = 0
    """Index of the checkpoint that is being worked towards."""
    checkpoint_reached: float | None = None
    baking_since: float | None = None
    seen: tuple[int, int] = field(default=(-1, -1))
    """(replaced, old ones left) at the last look, to tell progress."""

    @property
    def active(self) -> bool:
        return self.status in ACTIVE

    @property
    def percentage(self) -> int:
        """Of what the refresh replaced; a rollback leads it down to zero again (InstanceRefresh, API)."""
        done = 100 * self.replaced // self.total if self.total else 100
        return self.rollback.percentage * (100 - done) // 100 if self.rollback else done

    @property
    def to_update(self) -> int:
        return self.rollback.to_update if self.rollback else self.total - self.replaced
