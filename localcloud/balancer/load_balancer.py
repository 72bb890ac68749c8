"""One load balancer: its directory, its HAProxy, and the targets in it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path

from localcloud.balancer import old_workers, render
from localcloud.balancer.errors import BalancerError
from localcloud.balancer.membership import Membership
from localcloud.balancer.process import HaproxyProcess
from localcloud.balancer.requests import RequestLog
from localcloud.balancer.runtime import Runtime
from localcloud.desired import AnsweredRequest, LoadBalancerSpec, TargetHealth


class LoadBalancer:
    """Keeps one HAProxy as its LoadBalancerSpec says."""

    def __init__(self, directory: Path, time_scale: float, spawner: Executor) -> None:
        self.directory = directory
        self.process = HaproxyProcess(directory, spawner)
        self.dns_name = ""
        self.address = ""
        self.reloads = 0
        """How often a change needed a new worker; membership, weights and certificates never do."""
        self._time_scale = time_scale
        self._master = Runtime(directory, render.MASTER_SOCKET)
        self._old_workers = 0
        self._skeleton = ""
        self._weights: dict[str, int] = {}
        self._bundles: dict[str, str] = {}
        self._members: dict[str, Membership] = {}
        self._requests: RequestLog | None = None
        self._backends: dict[str, str] = {}
        """Backend → target group ARN, also of groups that only a replaced worker still uses."""

    def apply(self, spec: LoadBalancerSpec) -> None:
        """Brings HAProxy a step nearer to `spec`. Raises BalancerError; the next call tries again."""
        self.dns_name, self.address = spec.dns_name, spec.address
        used = [group for group in spec.target_groups if group.in_use]
        self._members = {
            group.arn: self._members.get(group.arn) or Membership(group.arn, self._time_scale) for group in used
        }
        for group in used:
            name = render.backend_name(group.arn)
            self._backends |= {name: group.arn, name + render.OPEN_SUFFIX: group.arn}
        skeleton = render.config(spec, (), self._time_scale)
        if not spec.listeners:
            self.stop()
            return
        if self._requests is None:
            self._requests = RequestLog(spec.arn)
            self.process.requests_to = self._requests.write_end
        alive = self.process.alive()
        self._requests.dropped(self.process.dropped_logs)
        if not alive or skeleton != self._skeleton:
            self._skeleton = ""
            self._write(spec, carry_over=alive)
            if alive:
                self.process.reload()
                self.reloads += 1
                self._old_workers = 1
            else:
                self.process.start()
            self._skeleton = skeleton
        else:
            self._feed(spec)
        runtime = self.process.runtime
        try:
            servers = runtime.servers()
            for group in used:
                self._members[group.arn].sync(runtime, group, servers)
            if self._old_workers:
                self._old_workers = old_workers.tell(self._master, runtime.servers())
            self._private(render.STATE_FILE, runtime.state_file())
        except OSError as error:
            raise BalancerError(f"HAProxy of {spec.dns_name} does not answer: {error}") from error

    def _write(self, spec: LoadBalancerSpec, carry_over: bool) -> None:
        """Files for a worker that starts: what is known of the targets goes with it, also after a crash."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._weights = render.weights(spec)
        self._private(render.WEIGHTS_FILE, render.weights_file(self._weights))
        for listener in spec.listeners:
            bundle = render.certificate_bundle(listener)
            self._bundles[render.certificate_file(listener)] = bundle
            self._private(render.certificate_file(listener), bundle)
        if carry_over:
            self._private(render.STATE_FILE, self.process.runtime.state_file())
        lines = [
            line
            for group in spec.target_groups
            if group.arn in self._members
            for line in self._members[group.arn].known_servers(group)
        ]
        self._private(render.CONFIG_FILE, render.config(spec, lines, self._time_scale))

    def _feed(self, spec: LoadBalancerSpec) -> None:
        """Changes that a running worker takes through its socket."""
        runtime = self.process.runtime
        weights = render.weights(spec)
        if weights != self._weights:
            self._private(render.WEIGHTS_FILE, render.weights_file(weights))
            runtime.replace_map(render.WEIGHTS_FILE, weights)
            self._weights = weights
        for listener in spec.listeners:
            name, bundle = render.certificate_file(listener), render.certificate_bundle(listener)
            if bundle != self._bundles.get(name):
                self._private(name, bundle)
                runtime.replace_certificate(name, bundle)
                self._bundles[name] = bundle

    def _private(self, name: str, text: str) -> None:
        """Writes a file that only its owner can read, never half of it."""
        draft = self.directory / f".{name}.new"
        draft.touch(mode=0o600)
        draft.write_text(text)
        draft.replace(self.directory / name)

    def health(self) -> Mapping[str, Mapping[str, TargetHealth]]:
        return {arn: members.health() for arn, members in self._members.items()}

    def answered(self) -> list[AnsweredRequest]:
        """Every request since the last call."""
        return list(self._requests.read(self._backends)) if self._requests else []

    def stop(self) -> None:
        """Ends HAProxy and removes everything, the private key first of all. What it has answered can be asked for."""
        self.process.stop()
        self.process.end_leftover()
        self._skeleton, self._weights = "", {}
        self._bundles.clear()
        for bundle in self.directory.glob("listener_*.pem"):
            bundle.unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)

    def close(self) -> None:
        """After `stop`: nobody asks any more."""
        if self._requests is not None:
            self._requests.close()
            self._requests, self.process.requests_to = None, None
