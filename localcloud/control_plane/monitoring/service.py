"""Publishes what was measured, as late as AWS does.

Nothing is published for what is not there any more when its minute is published; what was published stays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from localcloud.control_plane.cloudwatch.periods import AwsTime
from localcloud.control_plane.lock import LOCK
from localcloud.control_plane.monitoring.certificates import CertificateExpiry
from localcloud.control_plane.monitoring.groups import group_measurements
from localcloud.control_plane.monitoring.sources import Scope, Sources
from localcloud.control_plane.monitoring.traffic import Traffic
from localcloud.control_plane.monitoring.utilisation import Utilisation
from localcloud.desired import AnsweredRequest, CpuReading, Measurement, Metrics
from localcloud.settings import Settings

EC2_LAG = 30
"""Seconds of AWS time from the end of a minute until an instance's utilisation in it is published. Not documented; data
of detailed monitoring are there within the next minute, so that the evaluation after that sees them."""

ELB_LAG = 60
"""Seconds of AWS time from the end of a minute until a load balancer's metrics of it are published.

AWS documents "60-second intervals" and no lag. Releases count on alarms that have had period × points + 180 s, which
is at the worst: 60 for a minute in which trouble begins too late to tell, this lag, and 60 until the next evaluation.
More than this would let a release of ours, which waits just so long, end before its alarm."""

Published = Iterable[tuple[Scope, Measurement]]


class Monitoring:
    """Implements `desired.Monitoring`."""

    def __init__(
        self,
        aws_time: AwsTime,
        metrics: Metrics,
        sources: Sources,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._time = aws_time
        self._metrics = metrics
        self._sources = sources
        self._clock = clock
        self._utilisation = Utilisation(aws_time)
        self._traffic = Traffic(aws_time)
        self._expiry = CertificateExpiry(aws_time)
        self._minute = -1

    def machines_measured(self, readings: Mapping[str, CpuReading]) -> None:
        self._utilisation.measured(readings, self._clock())

    def requests_answered(self, requests: Sequence[AnsweredRequest]) -> None:
        self._traffic.answered(requests)

    def tick(self, now: float) -> None:
        """Samples what is, and publishes every minute whose lag is over."""
        minute = self._time.minute(now)
        with LOCK:
            self._traffic.sampled(self._sources.load_balancers.hosts(), now)
            self._publish(self._traffic.tell(self._time.minute(now - self._time.scaled(ELB_LAG))))
            for over in self._utilisation.over(self._time.minute(now - self._time.scaled(EC2_LAG))):
                self._publish(self._instances(over))
            if minute > self._minute:
                self._minute = minute
                groups = self._sources.groups.group_metrics()
                self._publish(group_measurements(groups, self._time.begin(minute)))
            self._publish(self._expiry.due(self._sources.certificates.expiries(), now))

    def _instances(self, minute: int) -> Published:
        instances = self._sources.instances.monitored_instances()
        members = self._sources.groups.aggregated_members(self._time.begin(minute))
        return self._utilisation.tell(minute, instances, members)

    def _publish(self, measurements: Published) -> None:
        found: dict[Scope, list[Measurement]] = {}
        for scope, measurement in measurements:
            found.setdefault(scope, []).append(measurement)
        for (account, region), several in found.items():
            self._metrics.publish(account, region, several)


def install(settings: Settings, metrics: Metrics, sources: Sources) -> Monitoring:
    return Monitoring(AwsTime(settings.scaled), metrics, sources)
