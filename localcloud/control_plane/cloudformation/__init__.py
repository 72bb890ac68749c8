"""Resource types of the stack engine that are ours, and what it refuses by name."""

from __future__ import annotations

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation.properties import refusals


def install() -> None:
    """Once per process; after the services whose resource types are replaced."""
    seam.remember_operations()
    seam.refuse_templates(refusals)
