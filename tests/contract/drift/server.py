"""Every service that our templates use, without machines and balancer."""

from __future__ import annotations

from collections.abc import Callable

from localcloud.control_plane.acm import service as acm
from localcloud.control_plane.cloudwatch import service as cloudwatch
from localcloud.control_plane.elbv2 import service as elbv2
from localcloud.control_plane.sns import service as sns
from localcloud.settings import Settings
from tests.contract import groups


def install(settings: Settings) -> Callable[[], None]:
    acm.install()
    sns.install(settings, cloudwatch.install(settings))
    elbv2.install(settings)
    return groups.install(settings)
