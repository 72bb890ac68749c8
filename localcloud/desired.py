"""What the control plane wants and what machines and balancer report: the one vocabulary between the halves.

The control plane says what should exist, the machines and the balancer say what does. Nothing here imports
MiniStack, an engine or HAProxy, so that each half can be tested with the other one faked.

Durations are seconds of AWS time, as a template states them; whoever waits for one divides it by
`Settings.time_scale`. Moments (`now`) are Unix time in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

MachineState = Literal["running", "gone"]
InstanceState = Literal["pending", "running", "shutting-down", "terminated", "stopping", "stopped"]
TargetState = Literal["initial", "healthy", "unhealthy", "unused", "draining", "unavailable"]


# --- machines ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MachineSpec:
    """An EC2 instance that should be running."""

    instance_id: str
    account: str
    region: str
    zone: str
    private_address: str
    image_id: str
    instance_type: str
    user_data: bytes
    """Decoded: what the launch template holds in base64."""
    role_name: str | None
    """Name of the role in the instance profile; None: the metadata service hands out no credentials."""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RoleCredentials:
    """Credentials of an instance's role. `expiration` in Unix time."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expiration: float


# --- load balancers ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Target:
    """One registered target of a target group."""

    instance_id: str
    address: str
    port: int
    draining: bool = False


@dataclass(frozen=True)
class HealthCheck:
    """How a target group asks its targets. `interval` and `timeout` in seconds; `matcher` as in "200-299,301"."""

    path: str
    interval: int
    timeout: int
    healthy_threshold: int
    unhealthy_threshold: int
    matcher: str
    port: str = "traffic-port"


@dataclass(frozen=True)
class TargetGroupSpec:
    """A target group with its targets. `deregistration_delay` in seconds."""

    arn: str
    name: str
    health_check: HealthCheck
    deregistration_delay: int
    algorithm: str
    targets: Sequence[Target] = ()
    in_use: bool = False
    """Referred to by a rule of a listener; targets of a group that is not are `unused` and never checked."""


@dataclass(frozen=True)
class ForwardRule:
    """Where a request goes. The default action is the rule without a condition, and comes last."""

    priority: int
    header_name: str | None
    header_values: Sequence[str]
    weights: Mapping[str, int]
    """Target group ARN → weight, 0 to 999."""


@dataclass(frozen=True)
class ListenerSpec:
    """An HTTPS listener with its certificate (PEM, UTF-8) and rules in order of priority."""

    arn: str
    port: int
    ssl_policy: str
    certificate_pem: str
    chain_pem: str
    key_pem: str = field(repr=False)
    rules: Sequence[ForwardRule] = ()


@dataclass(frozen=True)
class LoadBalancerSpec:
    """An application load balancer. `idle_timeout` and `client_keep_alive` in seconds."""

    arn: str
    dns_name: str
    address: str
    idle_timeout: int
    client_keep_alive: int
    attributes: Mapping[str, str] = field(default_factory=dict)
    listeners: Sequence[ListenerSpec] = ()
    target_groups: Sequence[TargetGroupSpec] = ()


@dataclass(frozen=True)
class TargetHealth:
    """Health of one target in the words of DescribeTargetHealth."""

    state: TargetState
    reason: str = ""
    """Code such as `Target.ResponseCodeMismatch`; empty when healthy."""
    description: str = ""


# --- what the reconciler sees -----------------------------------------------------------------------------


class MachineControl(Protocol):
    """The control plane's side of machines."""

    def desired_machines(self) -> list[MachineSpec]:
        """Every instance record that is pending or running, in every account and region."""
        ...

    def machine_observed(self, instance_id: str, state: MachineState, reason: str) -> None:
        """What became of a machine; an unknown instance is ignored, a repeated report changes nothing."""
        ...


class BalancerControl(Protocol):
    """The control plane's side of load balancers."""

    def desired_load_balancers(self) -> list[LoadBalancerSpec]: ...

    def target_health_observed(self, target_group_arn: str, health: Mapping[str, TargetHealth]) -> None:
        """Replaces what is known of a target group; keys are instance ids."""
        ...


class GroupEngine(Protocol):
    """The Auto Scaling groups: moves every group one step on. Never blocks, and never starts anything itself."""

    def tick(self, now: float) -> None: ...


class Machines(Protocol):
    """What really runs."""

    def start(self, spec: MachineSpec) -> None: ...

    def stop(self, instance_id: str) -> None: ...

    def observed(self) -> Mapping[str, MachineState]: ...

    def console(self, instance_id: str) -> str:
        """Kept after termination until the cloud goes down; empty for an unknown instance."""
        ...

    def close(self) -> None: ...


class Balancer(Protocol):
    """What really listens."""

    def apply(self, specs: Sequence[LoadBalancerSpec]) -> None: ...

    def health(self) -> Mapping[str, Mapping[str, TargetHealth]]:
        """Target group ARN → instance id → health."""
        ...

    def close(self) -> None: ...


# --- what the Auto Scaling groups use of EC2 and ELB ------------------------------------------------------


class Instances(Protocol):
    """EC2 as an Auto Scaling group needs it. All calls happen under `control_plane.lock.LOCK`."""

    def launch_instance(
        self,
        launch_template_data: Mapping[str, Any],
        subnet_id: str,
        tags: Mapping[str, str],
        account: str,
        region: str,
    ) -> str:
        """Creates a pending instance record and returns its id.

        `launch_template_data` is LaunchTemplateData as the EC2 API names its members (ImageId, UserData in
        base64, IamInstanceProfile, TagSpecifications …). `tags` win over the template's instance tags.
        Raises `LaunchRefused` with a sentence for the activity history when EC2 would refuse the launch.
        """
        ...

    def terminate_instance(self, instance_id: str) -> None:
        """Sets the record to shutting-down; nothing happens when it is already on its way or unknown."""
        ...

    def instance_state(self, instance_id: str) -> InstanceState:
        """`terminated` for an unknown instance."""
        ...

    def subnet_zone(self, subnet_id: str, account: str, region: str) -> str | None:
        """The availability zone's name, or None for a subnet that does not exist."""
        ...

    def launch_template(
        self, template_id: str | None, name: str | None, version: str, account: str, region: str
    ) -> tuple[str, str, int, Mapping[str, Any]] | None:
        """(id, name, version number, LaunchTemplateData), or None; `version` is a number, $Latest or $Default."""
        ...


class Targets(Protocol):
    """ELB as an Auto Scaling group needs it. All calls happen under `control_plane.lock.LOCK`."""

    def target_group_exists(self, target_group_arn: str) -> bool: ...

    def register_target(self, target_group_arn: str, instance_id: str) -> None:
        """On the target group's own port; registering again (also while it drains) is no error."""
        ...

    def deregister_target(self, target_group_arn: str, instance_id: str) -> None:
        """Starts draining; the target is gone after the group's deregistration delay. No error when unknown."""
        ...

    def target_state(self, target_group_arn: str, instance_id: str) -> TargetHealth | None:
        """None: not registered (never was, or drained and gone)."""
        ...


# --- what gates a release ---------------------------------------------------------------------------------

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]


class Alarms(Protocol):
    """CloudWatch alarms as whoever waits for them sees them. All calls happen under `control_plane.lock.LOCK`."""

    def state(self, account: str, region: str, alarm: str) -> AlarmState | None:
        """Of the alarm with this name or ARN; None when there is none."""
        ...


class LaunchRefused(Exception):
    """EC2 would not launch this; the message is what a group's activity history shows as its status."""
