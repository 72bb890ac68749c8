"""Launch templates as MiniStack keeps them, for whoever launches from one.

MiniStack keeps every version with its LaunchTemplateData as it was given; the stack engine may leave numbers and
flags as strings and AWS::NoValue in nested places, which a caller should not have to know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud import ministack_seam as seam


def resolve(
    template_id: str | None, name: str | None, version: str, account: str, region: str
) -> tuple[str, str, int, Mapping[str, Any]] | None:
    """(id, name, version number, LaunchTemplateData), or None; `version` is a number, $Latest or $Default."""
    stored = seam.module("ministack.services.ec2")._launch_templates.values_scoped(account, region)
    for template in stored:
        if template["LaunchTemplateId"] != template_id and (template_id or template["LaunchTemplateName"] != name):
            continue
        wanted = {
            "$Latest": template["LatestVersionNumber"],
            "$Default": template["DefaultVersionNumber"],
        }.get(version, version)
        for candidate in template["Versions"]:
            if str(candidate["VersionNumber"]) == str(wanted):
                data = clean(candidate["LaunchTemplateData"])
                return template["LaunchTemplateId"], template["LaunchTemplateName"], int(wanted), data
    return None


def clean(value: Any) -> Any:
    """Without what AWS::NoValue leaves behind."""
    nothing = seam.no_value()
    if isinstance(value, dict):
        return {key: clean(item) for key, item in value.items() if item is not nothing}
    if isinstance(value, list):
        return [clean(item) for item in value if item is not nothing]
    return value
