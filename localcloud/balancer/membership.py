"""Keeps the servers of one target group as the control plane wants them, through the runtime socket.

Level-triggered: each call compares what HAProxy has with what is wanted. A target's life:

new → in HAProxy but drained while its first check runs (initial) → one passed check admits it → HAProxy counts up
to the thresholds from there → drained (draining) → removed with what connections it still has.

"After your target is registered, it must pass one health check to be considered healthy"
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html), whatever the
healthy threshold is; HAProxy knows no such thing, so the first check is watched here.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from localcloud.balancer import health
from localcloud.balancer.errors import RuntimeRefused
from localcloud.balancer.render import OPEN_SUFFIX, ServerLine, backend_name, check_arguments
from localcloud.balancer.runtime import DRAIN, MAINTENANCE, Runtime, ServerState
from localcloud.desired import Target, TargetGroupSpec, TargetHealth

Servers = Mapping[tuple[str, str], ServerState]


@dataclass
class _Entrant:
    """A target that has not been judged yet; `failing_since` is when HAProxy first saw its check fail."""

    failing_since: float | None = None


@dataclass
class Membership:
    """The targets of one target group."""

    arn: str
    time_scale: float
    _entrants: dict[str, _Entrant] = field(default_factory=dict)
    _judged: dict[str, tuple[str, int]] = field(default_factory=dict)
    _health: dict[str, TargetHealth] = field(default_factory=dict)

    @property
    def backend(self) -> str:
        return backend_name(self.arn)

    def health(self) -> Mapping[str, TargetHealth]:
        return dict(self._health)

    def known_servers(self, group: TargetGroupSpec) -> list[ServerLine]:
        """What a new worker must have from its first moment, because requests depend on it."""
        return [
            ServerLine(self.backend, target.instance_id, target.address, target.port)
            for target in group.targets
            if self._judged.get(target.instance_id) == (target.address, target.port)
        ]

    def sync(self, runtime: Runtime, group: TargetGroupSpec, servers: Servers) -> None:
        """One step towards `group`. Raises OSError or RuntimeRefused when HAProxy does not play along."""
        wanted = {target.instance_id: target for target in group.targets}
        for backend, name in servers:
            target = wanted.get(name)
            if backend == self.backend + OPEN_SUFFIX and (self.backend, name) not in servers:
                self._remove(runtime, backend, name)
            elif backend == self.backend and (target is None or not _same_place(servers[backend, name], target)):
                self._forget(name)
                self._remove(runtime, backend + OPEN_SUFFIX, name)
                self._remove(runtime, backend, name)
        for name in [*self._entrants, *self._judged, *self._health]:
            if name not in wanted:
                self._forget(name)
        for target in group.targets:
            state = servers.get((self.backend, target.instance_id))
            if state is None:
                self._enter(runtime, group, target)
            elif _same_place(state, target):
                self._judge(runtime, group, target, state, time.monotonic())

    def _forget(self, name: str) -> None:
        self._entrants.pop(name, None)
        self._judged.pop(name, None)
        self._health.pop(name, None)

    def _enter(self, runtime: Runtime, group: TargetGroupSpec, target: Target) -> None:
        self._forget(target.instance_id)
        server, place = f"{self.backend}/{target.instance_id}", f"{target.address}:{target.port}"
        unchecked = f"{self.backend}{OPEN_SUFFIX}/{target.instance_id}"
        checks = check_arguments(group.health_check, self.time_scale)
        enter = f"add server {server} {place} check {checks}; {self._start_checking(server)}"
        runtime.order(enter, accepted="registered")
        with contextlib.suppress(RuntimeRefused):
            # Still there with connections of a target that has just been removed.
            runtime.order(f"add server {unchecked} {place}", accepted="registered")
        self._begin(runtime, target)

    @staticmethod
    def _start_checking(server: str) -> str:
        return f"set server {server} state drain; enable health {server}"

    def _begin(self, runtime: Runtime, target: Target) -> None:
        unchecked = f"{self.backend}{OPEN_SUFFIX}/{target.instance_id}"
        runtime.order(f"set server {unchecked} state {'drain' if target.draining else 'ready'}")
        self._entrants[target.instance_id] = _Entrant()
        self._health[target.instance_id] = health.DRAINING if target.draining else health.REGISTERING

    def _judge(self, runtime: Runtime, group: TargetGroupSpec, target: Target, state: ServerState, now: float) -> None:
        name = target.instance_id
        if state.admin & MAINTENANCE or (name not in self._entrants and name not in self._judged):
            runtime.order(self._start_checking(f"{self.backend}/{name}"))
            self._begin(runtime, target)
            return
        if target.draining:
            if not state.admin & DRAIN or self._health.get(name) != health.DRAINING:
                self._set_both(runtime, name, "drain")
            self._health[name] = health.DRAINING
            return
        if self._health.get(name) == health.DRAINING:
            runtime.order(f"set server {self.backend}{OPEN_SUFFIX}/{name} state ready")
            self._health[name] = health.CHECKING
        entrant = self._entrants.get(name)
        if entrant is not None and not self._first_verdict(group, entrant, state, now):
            self._health[name] = health.CHECKING
            return
        if entrant is not None:
            del self._entrants[name]
            self._judged[name] = (target.address, target.port)
            if state.check_passed:
                # HAProxy counts successes from zero: without this, the next failure alone would be enough.
                runtime.order(f"set server {self.backend}/{name} health up")
        if state.admin & DRAIN:
            runtime.order(f"set server {self.backend}/{name} state ready")
        passed = state.check_passed if entrant is not None else state.up
        self._health[name] = health.HEALTHY if passed else health.failure(state)

    def _first_verdict(self, group: TargetGroupSpec, entrant: _Entrant, state: ServerState, now: float) -> bool:
        """One success is enough for healthy; unhealthy takes as many failures as the threshold says."""
        if not state.checked:
            return False
        if state.check_passed:
            return True
        if entrant.failing_since is None:
            entrant.failing_since = now
        check = group.health_check
        return now - entrant.failing_since >= (check.unhealthy_threshold - 1) * check.interval / self.time_scale

    def _set_both(self, runtime: Runtime, name: str, state: str) -> None:
        for backend in (self.backend, self.backend + OPEN_SUFFIX):
            runtime.order(f"set server {backend}/{name} state {state}")

    def _remove(self, runtime: Runtime, backend: str, name: str) -> None:
        """Closes what is left and deletes; a server whose connections are still closing goes at a later call."""
        with contextlib.suppress(RuntimeRefused):
            runtime.order(f"set server {backend}/{name} state maint")
            runtime.order(f"shutdown sessions server {backend}/{name}")
            runtime.order(f"del server {backend}/{name}", accepted="deleted")


def _same_place(state: ServerState, target: Target) -> bool:
    return (state.address, state.port) == (target.address, target.port)
