"""What the control plane wants and what machines and balancer report: the one vocabulary between the halves.

The control plane says what should exist, the machines and the balancer say what does. Nothing here imports
MiniStack, an engine or HAProxy, so that each half can be tested with the other one faked.

Durations are seconds of AWS time, as a template states them; whoever waits for one divides it by
`Settings.time_scale`. Moments (`now`) are Unix time in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


# --- what is measured -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CpuReading:
    """Processor time of one machine, by the engine's own accounting."""

    seconds: float
    """Used since the machine was started, by itself and by every container it started. Never less than before."""
    processors: float
    """What it may use at the most: this many seconds each second are a utilisation of 100 %."""


@dataclass(frozen=True)
class AnsweredRequest:
    """One request that a load balancer has answered, or given up. `at` is when, in Unix time."""

    at: float
    load_balancer_arn: str
    status: int
    """As the client saw it."""
    target_group_arn: str | None = None
    """None: no rule led to a target group that had a target."""
    instance_id: str | None = None
    target_answered: bool = False
    """The status is the target's own, and not one that the load balancer made."""
    target_seconds: float | None = None
    """Real seconds from the request leaving the load balancer until the target's headers arrived."""
    connection_failed: bool = False
    """No connection to the target could be made (TargetConnectionErrorCount)."""


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

    def cpu(self) -> Mapping[str, CpuReading]:
        """Instance id → reading, of every machine that runs. One that cannot be read is left out."""
        ...

    def close(self) -> None: ...


class Balancer(Protocol):
    """What really listens."""

    def apply(self, specs: Sequence[LoadBalancerSpec]) -> None: ...

    def health(self) -> Mapping[str, Mapping[str, TargetHealth]]:
        """Target group ARN → instance id → health."""
        ...

    def answered(self) -> Sequence[AnsweredRequest]:
        """Every request that was answered since the last call, in no particular order."""
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


# --- metrics and alarms -----------------------------------------------------------------------------------

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]


@dataclass(frozen=True)
class Measurement:
    """What a service publishes of one metric for one minute of AWS time, the one that begins at `at`."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    at: float
    values: Mapping[float, int]
    """Value → how often it was measured: every statistic, percentiles too, is computed from these."""
    unit: str = "None"


class Metrics(Protocol):
    """CloudWatch as a service that publishes to it sees it. Calls take `control_plane.lock.LOCK` themselves."""

    def publish(self, account: str, region: str, measurements: Sequence[Measurement]) -> None:
        """They are there from now on: a metric that lags is published late, with its own `at`."""
        ...


class Monitoring(Protocol):
    """Where the reconciler takes what it measured: published minute by minute of AWS time."""

    def machines_measured(self, readings: Mapping[str, CpuReading]) -> None: ...

    def requests_answered(self, requests: Sequence[AnsweredRequest]) -> None: ...

    def tick(self, now: float) -> None: ...


@dataclass(frozen=True)
class AlarmAction:
    """An alarm that calls one of its actions. `alarm` is MetricAlarm as DescribeAlarms has it, in its new state."""

    action_arn: str
    account: str
    region: str
    alarm: Mapping[str, Any]
    old_state: AlarmState
    at: float
    repeated: bool = False
    """The alarm stays in the state: an Auto Scaling policy is called again each minute, a topic never is."""
    value: float | None = None
    """The newest data point of the metric that the evaluation looked at."""


class Alarms(Protocol):
    """CloudWatch alarms as other services use them. All calls happen under `control_plane.lock.LOCK`."""

    def state(self, account: str, region: str, alarm: str) -> AlarmState | None:
        """Of the alarm with this name or ARN; None when there is none."""
        ...

    def put(self, account: str, region: str, alarm: Mapping[str, Any]) -> str:
        """Makes or changes an alarm, from the parameters of PutMetricAlarm; its ARN. Raises `AwsError`."""
        ...

    def delete(self, account: str, region: str, names: Sequence[str]) -> None:
        """Those that do not exist are no error."""
        ...

    def on_action(self, service: str, act: Callable[[AlarmAction], str]) -> None:
        """Actions whose ARN is of this service (`sns`, `autoscaling`) are done by `act`.

        It returns a sentence for the alarm's history when it could not be done, otherwise an empty one. It is called
        under the lock and must not block.
        """
        ...


class AlarmEvaluator(Protocol):
    """Evaluates the alarms whose minute has come, and does what they call. Never blocks."""

    def tick(self, now: float) -> None: ...


class LaunchRefused(Exception):
    """EC2 would not launch this; the message is what a group's activity history shows as its status."""
