"""Public machine images: the local machine image, under the names by which AWS publishes Amazon Linux 2023.

AWS publishes a new one every few weeks. Here there are two, which boot the same: one to begin with, and one to upgrade
to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from localcloud.control_plane.ec2.filters import matches
from localcloud.wire import AwsError

AMAZON = "137112412989"
"""Amazon Linux's own account."""


@dataclass(frozen=True)
class MachineImage:
    """One published image. `architecture` in the words of EC2, `day` of its publication as 20260101."""

    image_id: str
    architecture: str
    day: str

    @property
    def name(self) -> str:
        return f"al2023-ami-2023.0.{self.day}.0-kernel-6.1-{self.architecture}"

    def described(self) -> dict[str, Any]:
        return {
            "ImageId": self.image_id,
            "Name": self.name,
            "Description": "localcloud's machine image, in the place of Amazon Linux 2023",
            "ImageLocation": f"amazon/{self.name}",
            "OwnerId": AMAZON,
            "ImageOwnerAlias": "amazon",
            "CreationDate": f"{self.day[:4]}-{self.day[4:6]}-{self.day[6:]}T00:00:00.000Z",
            "Architecture": self.architecture,
            "State": "available",
            "ImageType": "machine",
            "Public": True,
            "PlatformDetails": "Linux/UNIX",
            "RootDeviceType": "ebs",
            "RootDeviceName": "/dev/xvda",
            "VirtualizationType": "hvm",
            "Hypervisor": "xen",
            "EnaSupport": True,
            "ImdsSupport": "v2.0",
        }


@dataclass(frozen=True)
class MachineImages:
    """What is published. `newest_id` is that of the image which machines boot from."""

    newest_id: str
    architecture: str

    @cached_property
    def published(self) -> tuple[MachineImage, MachineImage]:
        """Newest first."""
        earlier = f"ami-{hashlib.sha256(self.newest_id.encode()).hexdigest()[:17]}"
        return (
            MachineImage(self.newest_id, self.architecture, "20260201"),
            MachineImage(earlier, self.architecture, "20260101"),
        )

    def __contains__(self, image_id: str) -> bool:
        return any(image.image_id == image_id for image in self.published)

    @property
    def public_parameter(self) -> str:
        """SSM's public parameter for the latest image."""
        return f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{self.architecture}"


def describe_images(images: MachineImages, values: Mapping[str, Any]) -> dict[str, Any]:
    wanted = values.get("ImageIds") or []
    for image_id in wanted:
        if image_id not in images:
            raise AwsError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    owners = values.get("Owners") or []
    visible = not owners or bool({"amazon", AMAZON} & set(owners))
    filters = values.get("Filters") or []
    return {
        "Images": [
            image.described()
            for image in images.published
            if visible
            and (not wanted or image.image_id in wanted)
            and matches(_facts(image), filters, "DescribeImages")
        ]
    }


def _facts(image: MachineImage) -> dict[str, str]:
    return {
        "image-id": image.image_id,
        "name": image.name,
        "architecture": image.architecture,
        "state": "available",
        "owner-id": AMAZON,
        "owner-alias": "amazon",
        "is-public": "true",
        "root-device-type": "ebs",
        "virtualization-type": "hvm",
        "image-type": "machine",
        "hypervisor": "xen",
        "platform-details": "Linux/UNIX",
        "ena-support": "true",
    }
