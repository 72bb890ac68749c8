"""Public machine images: the local machine image, under the names by which AWS publishes Amazon Linux 2023."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.control_plane.ec2.filters import matches
from localcloud.wire import AwsError

AMAZON = "137112412989"
"""Amazon Linux's own account."""
_CREATED = "2026-01-01T00:00:00.000Z"


@dataclass(frozen=True)
class MachineImage:
    """The one machine image of this cloud. `architecture` in the words of EC2."""

    image_id: str
    architecture: str

    @property
    def name(self) -> str:
        return f"al2023-ami-2023.0.20260101.0-kernel-6.1-{self.architecture}"

    @property
    def public_parameter(self) -> str:
        """SSM's public parameter for the latest image."""
        return f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{self.architecture}"

    def described(self) -> dict[str, Any]:
        return {
            "ImageId": self.image_id,
            "Name": self.name,
            "Description": "localcloud's machine image, in the place of Amazon Linux 2023",
            "ImageLocation": f"amazon/{self.name}",
            "OwnerId": AMAZON,
            "ImageOwnerAlias": "amazon",
            "CreationDate": _CREATED,
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


def describe_images(image: MachineImage, values: Mapping[str, Any]) -> dict[str, Any]:
    wanted = values.get("ImageIds") or []
    for image_id in wanted:
        if image_id != image.image_id:
            raise AwsError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")
    owners = values.get("Owners") or []
    facts = {
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
    visible = not owners or bool({"amazon", AMAZON} & set(owners))
    shown = visible and matches(facts, values.get("Filters") or [], "DescribeImages")
    return {"Images": [image.described()] if shown else []}
