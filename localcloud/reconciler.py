"""Brings what runs in line with what the API says, and tells the API what runs.

Level-triggered: every tick compares the two afresh, so that a crash of either side, a lost event or a failure heals
at the next one. The control plane's lock is never held while the engine or HAProxy are asked.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from localcloud.desired import (
    AlarmEvaluator,
    Balancer,
    BalancerControl,
    GroupEngine,
    MachineControl,
    Machines,
    Monitoring,
)

log = logging.getLogger(__name__)

TICK = 0.5
"""Seconds between two ticks; sooner when woken."""
SHORTEST_PAUSE = 0.05
MEASURE_EVERY = 0.5
"""Seconds between two readings of what machines use, at the least."""


@dataclass
class Parts:
    """The two halves and what stands between them."""

    machine_control: MachineControl
    balancer_control: BalancerControl
    groups: GroupEngine
    machines: Machines
    balancer: Balancer
    monitoring: Monitoring
    alarms: AlarmEvaluator


class Reconciler:
    """Runs in a thread of its own."""

    def __init__(self, parts: Parts, wake: threading.Event, clock: Callable[[], float] = time.time) -> None:
        self._parts = parts
        self._wake = wake
        self._clock = clock
        self._ended = threading.Event()
        self._complaints: dict[str, str] = {}
        self._measured = float("-inf")
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Returns when the tick that runs has ended."""
        self._ended.set()
        self._wake.set()
        self._thread.join(30)

    def _run(self) -> None:
        # The balancer belongs to one thread: the one that ticks ends it as well.
        while not self._ended.is_set():
            self._wake.clear()
            self.tick()
            self._ended.wait(SHORTEST_PAUSE)
            self._wake.wait(TICK)
        self._guarded("balancer", self._parts.balancer.close)

    def tick(self) -> None:
        """One step of everything; a part that fails does not keep the others from theirs."""
        self._guarded("machines", self._machines)
        self._guarded("groups", lambda: self._parts.groups.tick(self._clock()))
        self._guarded("load balancers", self._load_balancers)
        # After what was measured is published, so that an evaluation never sees less than there is.
        self._guarded("metrics", self._measure)
        self._guarded("alarms", lambda: self._parts.alarms.tick(self._clock()))

    def _machines(self) -> None:
        control, machines = self._parts.machine_control, self._parts.machines
        # What runs is looked at before what should: a machine launched in between is then simply not there yet.
        observed = machines.observed()
        for instance_id, state in observed.items():
            control.machine_observed(instance_id, state, "the machine has ended")
        wanted = {spec.instance_id: spec for spec in control.desired_machines()}
        for instance_id, spec in wanted.items():
            if instance_id not in observed:
                machines.start(spec)
        for instance_id, state in observed.items():
            if state == "running" and instance_id not in wanted:
                machines.stop(instance_id)

    def _load_balancers(self) -> None:
        control, balancer = self._parts.balancer_control, self._parts.balancer
        try:
            balancer.apply(control.desired_load_balancers())
        finally:
            for arn, health in balancer.health().items():
                control.target_health_observed(arn, health)

    def _measure(self) -> None:
        monitoring, now = self._parts.monitoring, time.monotonic()
        if now - self._measured >= MEASURE_EVERY:
            self._measured = now
            monitoring.machines_measured(self._parts.machines.cpu())
        monitoring.requests_answered(self._parts.balancer.answered())
        monitoring.tick(self._clock())

    def _guarded(self, part: str, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            # A failure that stays the same is logged once, not twice a second.
            complaint = f"{type(error).__name__}: {error}"
            if self._complaints.get(part) != complaint:
                log.exception("%s", part)
            self._complaints[part] = complaint
        else:
            self._complaints.pop(part, None)
