"""All load balancers of one local cloud."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localcloud.balancer.errors import BalancerError
from localcloud.balancer.hosts_file import HOSTS_FILE, HostsFile
from localcloud.balancer.load_balancer import LoadBalancer
from localcloud.desired import AnsweredRequest, LoadBalancerSpec, TargetHealth
from localcloud.settings import Settings

logger = logging.getLogger(__name__)


class Balancer:
    """Implements `desired.Balancer` with one HAProxy per load balancer.

    Not thread-safe: one thread calls it, as the reconciler does.
    """

    def __init__(self, settings: Settings, hosts_file: Path = HOSTS_FILE) -> None:
        self.settings = settings
        self._directory = settings.state_dir / "balancers"
        self._time_scale = settings.time_scale
        self._hosts = HostsFile(settings.state_dir, hosts_file)
        self._hosts_complaint = ""
        # HAProxy ends with the thread that started it, so that thread must live exactly as long as this object.
        self._spawner = ThreadPoolExecutor(1, thread_name_prefix="haproxy-spawner")
        self.load_balancers: dict[str, LoadBalancer] = {}
        self._last_requests: list[AnsweredRequest] = []
        """Of load balancers that are gone, until somebody asks."""
        self._clear_leftovers()

    def _clear_leftovers(self) -> None:
        """What a killed local cloud left behind: processes, keys, names."""
        for directory in sorted(self._directory.glob("*")):
            LoadBalancer(directory, self._time_scale, self._spawner).stop()
        self._name({})

    def apply(self, specs: Sequence[LoadBalancerSpec]) -> None:
        """One step towards `specs`, for every load balancer, even when one of them fails.

        Raises BalancerError with all their complaints; calling again tries again.
        """
        complaints = []
        for arn in set(self.load_balancers) - {spec.arn for spec in specs}:
            self._end(self.load_balancers.pop(arn))
        for spec in specs:
            known = self.load_balancers.get(spec.arn)
            if known is None:
                directory = self._directory / hashlib.sha256(spec.arn.encode()).hexdigest()[:12]
                known = self.load_balancers[spec.arn] = LoadBalancer(directory, self._time_scale, self._spawner)
            try:
                known.apply(spec)
            except (BalancerError, OSError) as error:
                complaints.append(f"{spec.dns_name}: {error}")
        self._name({spec.dns_name: spec.address for spec in specs})
        if complaints:
            raise BalancerError("; ".join(complaints))

    def _end(self, load_balancer: LoadBalancer) -> None:
        load_balancer.stop()
        self._last_requests += load_balancer.answered()
        load_balancer.close()

    def _name(self, entries: Mapping[str, str]) -> None:
        try:
            self._hosts.replace(entries)
        except OSError as error:
            if str(error) != self._hosts_complaint:
                logger.warning("load balancer names will not resolve: %s", error)
            self._hosts_complaint = str(error)

    def health(self) -> Mapping[str, Mapping[str, TargetHealth]]:
        """As of the last `apply`: target group ARN → instance id → health; groups that no rule uses are absent."""
        return {arn: found for known in self.load_balancers.values() for arn, found in known.health().items()}

    def answered(self) -> Sequence[AnsweredRequest]:
        """Every request that was answered since the last call; what an open request will be comes at its end."""
        found, self._last_requests = self._last_requests, []
        for known in self.load_balancers.values():
            found += known.answered()
        return found

    def close(self) -> None:
        """Ends every HAProxy and removes keys and names."""
        for known in self.load_balancers.values():
            self._end(known)
        self.load_balancers.clear()
        self._name({})
        self._spawner.shutdown()
