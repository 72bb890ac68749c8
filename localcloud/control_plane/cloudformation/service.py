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
    service_role,
    stack_settings,
)
from localcloud.control_plane.cloudformation.properties import refusals
from localcloud.control_plane.cloudformation.rollback_triggers import RollbackTriggers
from localcloud.control_plane.drift import service as drift
from localcloud.desired import Alarms
from localcloud.settings import Settings


def install(settings: Settings, alarms: Alarms) -> None:
    """Once per process; after the services whose resource types are replaced."""
    schemas.check()
    seam.remember_operations()
    seam.refuse_templates(refusals)
    predeployment.install()
    replacements.install()
    completions.install()
    conditions.install()
    events.install()
    stack_settings.install()
    service_role.install()
    RollbackTriggers(alarms, settings.scaled).install()
    drift.install()
