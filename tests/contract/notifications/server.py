"""Topics, keys, alarms and stacks."""

from __future__ import annotations

from collections.abc import Callable

from localcloud.control_plane.cloudwatch import service as cloudwatch
from localcloud.control_plane.sns import service as sns
from localcloud.settings import Settings
from tests.contract import groups


def install(settings: Settings) -> Callable[[], None]:
    sns.install(settings, cloudwatch.install(settings))
    return groups.install(settings)
