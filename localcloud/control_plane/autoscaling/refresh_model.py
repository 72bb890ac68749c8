"""Records of an instance refresh: what was asked for, and how far it is. No behaviour that needs a clock.

Moments are Unix time in seconds; durations are seconds of AWS time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcloud.control_plane.autoscaling.model import LaunchTemplateRef


class RefreshStatus(StrEnum):
    """In the words of the API's Status (InstanceRefresh, EC2 Auto Scaling API)."""

    PENDING = "Pending"
    IN_PROGRESS = "InProgress"
    BAKING = "Baking"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    ROLLBACK_IN_PROGRESS = "RollbackInProgress"
    ROLLBACK_SUCCESSFUL = "RollbackSuccessful"
    ROLLBACK_FAILED = "RollbackFailed"


ACTIVE = (
    RefreshStatus.PENDING,
    RefreshStatus.IN_PROGRESS,
    RefreshStatus.BAKING,
    RefreshStatus.ROLLBACK_IN_PROGRESS,
)


@dataclass(frozen=True)
class Preferences:
    """RefreshPreferences of the API. Percentages are of the desired capacity; `warmup` None means the group's own."""

    min_healthy: int
    max_healthy: int
    warmup: int | None = None
    skip_matching: bool = False
    checkpoints: tuple[int, ...] = ()
    checkpoint_delay: int = 3600
    bake: int = 0
    alarms: tuple[str, ...] = ()
    auto_rollback: bool = False


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
    """DesiredConfiguration, as it was given."""
    previous_template: LaunchTemplateRef | None = None
    """Where a rollback leads; None: nowhere, because the group's own template was not changed by the refresh."""
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
        if self.status in (RefreshStatus.SUCCESSFUL, RefreshStatus.ROLLBACK_SUCCESSFUL) or not self.total:
            return 100
        return 100 * self.replaced // self.total
