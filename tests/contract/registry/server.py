"""ECR and stacks, without machines."""

from __future__ import annotations

from collections.abc import Callable

from localcloud.control_plane.ecr import service as ecr
from localcloud.settings import Settings


def install(settings: Settings) -> Callable[[], None]:
    ecr.install(settings)
    return lambda: None
