"""Puts into the stack engine what is ours."""

from __future__ import annotations

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation import (
    completions,
    conditions,
    events,
    predeployment,
    replacements,
    schemas,
)
from localcloud.control_plane.cloudformation.properties import refusals
from localcloud.control_plane.drift import service as drift


def install() -> None:
    """Once per process; after the services whose resource types are replaced."""
    schemas.check()
    seam.remember_operations()
    seam.refuse_templates(refusals)
    predeployment.install()
    replacements.install()
    completions.install()
    conditions.install()
    events.install()
    drift.install()
