"""AWS/CertificateManager DaysToExpiry.

Source: "Supported CloudWatch metrics" (ACM user guide): "ACM publishes metrics to CloudWatch twice a day for every
certificate in an account until expiration". Here also at once, after an import and at a start, so that an alarm on it
has something to go by. Days are real ones: a certificate's validity does not know the local cloud's clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from localcloud.control_plane.cloudwatch.periods import AwsTime
from localcloud.control_plane.monitoring.sources import Expiry, Scope
from localcloud.desired import Measurement

NAMESPACE = "AWS/CertificateManager"
EVERY = 12 * 3600
"""Seconds of AWS time."""
DAY = 86_400


class CertificateExpiry:
    """Remembers when each certificate was last told of."""

    def __init__(self, time: AwsTime) -> None:
        self._time = time
        self._told: dict[Expiry, float] = {}

    def due(self, certificates: Iterable[Expiry], now: float) -> Iterator[tuple[Scope, Measurement]]:
        present = list(certificates)
        self._told = {one: at for one, at in self._told.items() if one in present}
        for one in present:
            if one.not_after > now >= self._told.get(one, float("-inf")) + self._time.scaled(EVERY):
                self._told[one] = now
                at = self._time.begin(self._time.minute(now))
                days = float((one.not_after - now) // DAY)
                _, _, _, region, account, _ = one.arn.split(":", 5)
                dimensions = {"CertificateArn": one.arn}
                yield (account, region), Measurement(NAMESPACE, "DaysToExpiry", dimensions, at, {days: 1})
