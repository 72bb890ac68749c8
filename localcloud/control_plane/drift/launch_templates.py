"""Launch templates, as EC2 has them now.

Stricter than AWS: the registry lists LaunchTemplateData as write-only, so AWS notices no version that somebody added
by hand. Here the latest version is compared, which is the one that the next update of the stack starts from.
"""

from __future__ import annotations

from ministack.services import ec2

from localcloud.control_plane.drift.readers import Properties, register, tag_list
from localcloud.control_plane.ec2 import launch_templates


def install() -> None:
    register("AWS::EC2::LaunchTemplate", _read)


def _read(template_id: str, _: Properties) -> Properties | None:
    record = ec2._launch_templates.get(template_id)
    if record is None:
        return None
    latest = next(one for one in record["Versions"] if one["VersionNumber"] == record["LatestVersionNumber"])
    tags = tag_list(ec2._tags.get(template_id))
    return {
        "LaunchTemplateName": record["LaunchTemplateName"],
        "VersionDescription": latest.get("VersionDescription") or None,
        "LaunchTemplateData": launch_templates.clean(latest["LaunchTemplateData"]),
        "TagSpecifications": [{"ResourceType": "launch-template", "Tags": tags}] if tags else [],
    }
