"""Puts drift detection in the place of MiniStack's, which reads a few types and of others only whether they exist."""

from __future__ import annotations

from localcloud.control_plane.drift import detection, dynamodb, ec2, ecr, elbv2, iam, kms, launch_templates, logs, sns


def install() -> None:
    """Once per process. The groups' reader comes with the Auto Scaling service, which has the records."""
    for service in (dynamodb, ec2, ecr, elbv2, iam, kms, launch_templates, logs, sns):
        service.install()
    detection.install()
