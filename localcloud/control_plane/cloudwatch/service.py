"""Puts CloudWatch in the place of MiniStack's."""

from __future__ import annotations

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudwatch import authorisation, stacks
from localcloud.control_plane.cloudwatch.engine import CloudWatch
from localcloud.control_plane.cloudwatch.operations import Operations
from localcloud.control_plane.cloudwatch.periods import AwsTime
from localcloud.control_plane.drift import cloudwatch as cloudwatch_drift
from localcloud.rpc import RpcService
from localcloud.settings import Settings


def install(settings: Settings) -> CloudWatch:
    """Once per process, before the first request; the reconciler then calls `tick` of what this returns."""
    cloudwatch = CloudWatch(AwsTime(settings.scaled))
    api = RpcService("cloudwatch", Operations(cloudwatch, seam.scope).table())
    seam.replace_service(authorisation.SERVICE, authorisation.install(api))
    stacks.install(cloudwatch)
    cloudwatch_drift.install(cloudwatch)
    return cloudwatch
