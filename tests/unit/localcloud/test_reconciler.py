"""The reconciler with both halves faked: what it starts, what it stops, and that one failure stays one."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import pytest

from localcloud.desired import AnsweredRequest, CpuReading, LoadBalancerSpec, MachineSpec, MachineState, TargetHealth
from localcloud.reconciler import Parts, Reconciler


def spec(instance_id: str) -> MachineSpec:
    return MachineSpec(instance_id, "0" * 12, "us-east-1", "us-east-1a", "127.66.1.1", "ami-1", "t3.micro", b"", None)


class Control:
    def __init__(self) -> None:
        self.wanted: list[MachineSpec] = []
        self.reports: list[tuple[str, str]] = []
        self.health: dict[str, Mapping[str, TargetHealth]] = {}

    def desired_machines(self) -> list[MachineSpec]:
        return self.wanted

    def machine_observed(self, instance_id: str, state: MachineState, reason: str) -> None:
        self.reports.append((instance_id, state))

    def desired_load_balancers(self) -> list[LoadBalancerSpec]:
        return []

    def target_health_observed(self, target_group_arn: str, health: Mapping[str, TargetHealth]) -> None:
        self.health[target_group_arn] = health


class Groups:
    def __init__(self) -> None:
        self.ticks: list[float] = []

    def tick(self, now: float) -> None:
        self.ticks.append(now)


class Machines:
    def __init__(self) -> None:
        self.states: dict[str, MachineState] = {}
        self.started: list[str] = []
        self.stopped: list[str] = []

    def start(self, spec: MachineSpec) -> None:
        self.started.append(spec.instance_id)

    def stop(self, instance_id: str) -> None:
        self.stopped.append(instance_id)

    def observed(self) -> Mapping[str, MachineState]:
        return self.states

    def console(self, instance_id: str) -> str:
        return ""

    def cpu(self) -> Mapping[str, CpuReading]:
        return {"i-1": CpuReading(3.0, 2.0)}

    def close(self) -> None: ...


class Balancer:
    def __init__(self) -> None:
        self.failure: Exception | None = None

    def apply(self, specs: Sequence[LoadBalancerSpec]) -> None:
        if self.failure:
            raise self.failure

    def health(self) -> Mapping[str, Mapping[str, TargetHealth]]:
        return {"tg": {"i-1": TargetHealth("healthy")}}

    def answered(self) -> Sequence[AnsweredRequest]:
        return [AnsweredRequest(7.0, "lb", 200)]

    def close(self) -> None: ...


class Watchers:
    """Metrics and alarms: what reached them, in order."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def machines_measured(self, readings: Mapping[str, CpuReading]) -> None:
        self.heard.append(dict(readings))

    def requests_answered(self, requests: Sequence[AnsweredRequest]) -> None:
        self.heard += requests

    def tick(self, now: float) -> None:
        self.heard.append(now)


class Halves:
    def __init__(self) -> None:
        self.control, self.groups, self.machines, self.balancer = Control(), Groups(), Machines(), Balancer()
        self.monitoring, self.alarms = Watchers(), Watchers()
        control, watchers = self.control, (self.monitoring, self.alarms)
        parts = Parts(control, control, self.groups, self.machines, self.balancer, *watchers)
        self.reconciler = Reconciler(parts, threading.Event(), clock=lambda: 7.0)


@pytest.fixture
def halves() -> Halves:
    return Halves()


def test_what_should_run_and_does_not_is_started(halves: Halves) -> None:
    halves.control.wanted = [spec("i-1"), spec("i-2")]
    halves.machines.states = {"i-1": "running"}
    halves.reconciler.tick()
    assert halves.machines.started == ["i-2"]
    assert halves.machines.stopped == []


def test_what_runs_and_should_not_is_stopped(halves: Halves) -> None:
    halves.machines.states = {"i-1": "running", "i-2": "gone"}
    halves.reconciler.tick()
    assert halves.machines.stopped == ["i-1"]


def test_a_machine_that_is_gone_is_reported_and_never_started_again(halves: Halves) -> None:
    halves.control.wanted = [spec("i-1")]
    halves.machines.states = {"i-1": "gone"}
    halves.reconciler.tick()
    assert halves.control.reports == [("i-1", "gone")]
    assert halves.machines.started == []


def test_health_is_told_even_when_a_load_balancer_fails(halves: Halves, caplog: pytest.LogCaptureFixture) -> None:
    halves.balancer.failure = RuntimeError("no HAProxy")
    for _ in range(3):
        halves.reconciler.tick()
    assert halves.control.health == {"tg": {"i-1": TargetHealth("healthy")}}
    assert halves.groups.ticks == halves.alarms.heard == [7.0, 7.0, 7.0]
    assert len(caplog.records) == 1, "the same failure is logged once"


def test_what_is_measured_reaches_metrics_before_alarms_are_evaluated(halves: Halves) -> None:
    halves.alarms.heard = halves.monitoring.heard
    halves.reconciler.tick()
    assert halves.monitoring.heard == [{"i-1": CpuReading(3.0, 2.0)}, AnsweredRequest(7.0, "lb", 200), 7.0, 7.0]


def test_machines_are_not_measured_at_every_tick(halves: Halves, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reconciler that is woken ticks many times a second."""
    for _ in range(3):
        halves.reconciler.tick()
    assert halves.monitoring.heard.count({"i-1": CpuReading(3.0, 2.0)}) == 1
    assert halves.monitoring.heard.count(AnsweredRequest(7.0, "lb", 200)) == 3
    monkeypatch.setattr("localcloud.reconciler.MEASURE_EVERY", 0.0)
    halves.reconciler.tick()
    assert halves.monitoring.heard.count({"i-1": CpuReading(3.0, 2.0)}) == 2


def test_alarms_are_evaluated_when_nothing_could_be_measured(halves: Halves, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Mapping[str, CpuReading]:
        raise RuntimeError("no engine")

    monkeypatch.setattr(halves.machines, "cpu", fail)
    halves.reconciler.tick()
    assert halves.alarms.heard == [7.0]
