"""Records of the Auto Scaling service: what a group is and what it remembers. No behaviour that needs a clock.

Moments are Unix time in seconds; durations are seconds of AWS time, scaled only where a deadline is set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from localcloud.control_plane.autoscaling.policy_model import Policy
from localcloud.control_plane.autoscaling.refresh_model import Refresh, RefreshStatus
from localcloud.desired import Alarms, Instances, Targets

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"

HEALTHY = "Healthy"
UNHEALTHY = "Unhealthy"


class Lifecycle(StrEnum):
    """The lifecycle states that can occur here, in the words of the API's LifecycleState."""

    PENDING = "Pending"
    PENDING_WAIT = "Pending:Wait"
    PENDING_PROCEED = "Pending:Proceed"
    IN_SERVICE = "InService"
    TERMINATING = "Terminating"
    TERMINATING_WAIT = "Terminating:Wait"
    TERMINATING_PROCEED = "Terminating:Proceed"

    @property
    def is_pending(self) -> bool:
        return self in (Lifecycle.PENDING, Lifecycle.PENDING_WAIT, Lifecycle.PENDING_PROCEED)

    @property
    def is_terminating(self) -> bool:
        return self in (Lifecycle.TERMINATING, Lifecycle.TERMINATING_WAIT, Lifecycle.TERMINATING_PROCEED)


@dataclass
class Hook:
    """A lifecycle hook. Defaults are PutLifecycleHook's: one hour, ABANDON."""

    name: str
    transition: str
    heartbeat_timeout: int = 3600
    default_result: str = "ABANDON"
    notification_metadata: str | None = None

    @property
    def global_timeout(self) -> int:
        """Longest total wait in seconds: 48 hours or 100 heartbeats, whichever is less (LifecycleHook, API)."""
        return min(172_800, self.heartbeat_timeout * 100)


@dataclass
class Wait:
    """One lifecycle action under way."""

    hook: str
    token: str
    heartbeat_timeout: int
    default_result: str
    deadline: float
    latest: float
    """The moment after which no heartbeat helps."""


@dataclass(frozen=True)
class LaunchTemplateRef:
    """A group's launch template as it was given: `version` is a number, $Latest or $Default."""

    template_id: str
    name: str
    version: str


@dataclass
class Activity:
    """One scaling activity."""

    activity_id: str
    description: str
    cause: str
    started: float
    status: str
    progress: int = 0
    ended: float | None = None
    message: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Member:
    """An instance of a group."""

    instance_id: str
    subnet_id: str
    zone: str
    instance_type: str
    image_id: str
    template: LaunchTemplateRef
    """With the version number that the instance was launched from."""
    launched_at: float
    launch: Activity
    lifecycle: Lifecycle = Lifecycle.PENDING
    health: str = HEALTHY
    protected: bool = False
    in_service_at: float | None = None
    unhealthy_cause: str = ""
    lost: bool = False
    """EC2 says it does not run any more, without the group having asked for that."""
    waits: list[Wait] = field(default_factory=list)
    termination: Activity | None = None
    hooks_passed: bool = False

    @property
    def live(self) -> bool:
        """Counts towards the group's capacity."""
        return not self.lifecycle.is_terminating


@dataclass(frozen=True)
class Tag:
    key: str
    value: str
    propagate: bool


@dataclass(frozen=True)
class MaintenancePolicy:
    """Percentages of the desired capacity; None: the default behaviour, terminate and launch."""

    min_healthy: int
    max_healthy: int


@dataclass
class Group:
    """An Auto Scaling group. Capacities are numbers of instances, the rest seconds."""

    name: str
    arn: str
    account: str
    region: str
    created: float
    template: LaunchTemplateRef
    min_size: int
    max_size: int
    desired: int
    subnets: list[str]
    zones: dict[str, str] = field(default_factory=dict)
    """Subnet id → zone, in the order of `subnets`."""
    health_check_types: list[str] = field(default_factory=lambda: ["EC2"])
    grace_period: int = 0
    warmup: int | None = None
    cooldown: int = 300
    target_groups: list[str] = field(default_factory=list)
    termination_policies: list[str] = field(default_factory=lambda: ["Default"])
    maintenance: MaintenancePolicy | None = None
    protect_new: bool = False
    tags: list[Tag] = field(default_factory=list)
    hooks: dict[str, Hook] = field(default_factory=dict)
    suspended: dict[str, str] = field(default_factory=dict)
    """Process → reason."""
    members: dict[str, Member] = field(default_factory=dict)
    activities: list[Activity] = field(default_factory=list)
    """Newest first."""
    refreshes: list[Refresh] = field(default_factory=list)
    """Newest first; at most the first is active."""
    policies: dict[str, Policy] = field(default_factory=dict)
    """Scaling policies by name."""
    deleting: bool = False
    forced: bool = False
    metrics: list[str] = field(default_factory=list)
    """Names of group metrics that are collected."""
    desired_cause: str = ""
    """Why the desired capacity is what it is: the first sentence of the next activity's cause."""
    launch_not_before: float = 0.0
    """A refused launch is tried again, but not at every tick."""

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.name)

    @property
    def refresh(self) -> Refresh | None:
        """The instance refresh under way."""
        return self.refreshes[0] if self.refreshes and self.refreshes[0].active else None

    @property
    def launching_from(self) -> LaunchTemplateRef:
        """The launch template of the next instance: a refresh on its way to a desired configuration has its own."""
        refresh = self.refresh
        if refresh is None or refresh.rollback is not None or refresh.status is RefreshStatus.CANCELLING:
            return self.template
        return refresh.desired_template or self.template

    def live(self) -> list[Member]:
        return [member for member in self.members.values() if member.live]

    def hooks_for(self, transition: str) -> list[Hook]:
        return [hook for hook in self.hooks.values() if hook.transition == transition]


@dataclass(frozen=True)
class World:
    """What a group acts on and looks at, and how long AWS's seconds are here."""

    instances: Instances
    targets: Targets
    alarms: Alarms
    scaled: Callable[[float], float] = lambda seconds: seconds


@dataclass(frozen=True)
class Step:
    """One group at one moment: what every transition needs."""

    world: World
    group: Group
    now: float

    def after(self, seconds: float) -> float:
        """The moment that many seconds of AWS time from now."""
        return self.now + self.world.scaled(seconds)

    def target_groups(self) -> list[str]:
        """Those of the group that still exist."""
        return [arn for arn in self.group.target_groups if self.world.targets.target_group_exists(arn)]

    def has_passed(self, seconds: float, since: float) -> bool:
        return self.now >= since + self.world.scaled(seconds)


def resolve_template(
    world: World, group: Group, given: LaunchTemplateRef
) -> tuple[LaunchTemplateRef, Mapping[str, Any]] | None:
    """(the same with id, name and version number; LaunchTemplateData) as of now; None when it does not exist."""
    found = world.instances.launch_template(
        given.template_id or None, given.name or None, given.version, group.account, group.region
    )
    if found is None:
        return None
    template_id, name, number, data = found
    return LaunchTemplateRef(template_id, name, str(number)), data


def template_data(world: World, group: Group, given: LaunchTemplateRef) -> Mapping[str, Any] | None:
    """What the template says: two versions that say the same are no difference."""
    found = resolve_template(world, group, given)
    return found and found[1]
