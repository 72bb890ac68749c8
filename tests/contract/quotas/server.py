"""Service Quotas and EC2, without machines."""

from __future__ import annotations

from collections.abc import Callable

from localcloud.control_plane.ec2 import service as ec2
from localcloud.control_plane.ec2.images import MachineImages
from localcloud.control_plane.ec2.instances import Instances
from localcloud.control_plane.servicequotas import service as servicequotas
from localcloud.settings import Settings


def install(settings: Settings) -> Callable[[], None]:
    servicequotas.install()
    ec2.install(Instances(settings, MachineImages("sha256:0", "x86_64"), lambda: None), lambda _: "")
    return lambda: None
