"""The API of launch templates where MiniStack's loses members on the way in or out, such as CreditSpecification."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation.properties import unsupported
from localcloud.control_plane.ec2 import launch_templates, protocol
from localcloud.wire import AwsError

Values = dict[str, Any]
Record = dict[str, Any]
TYPE = "AWS::EC2::LaunchTemplate"


def install() -> None:
    """After MiniStack's ec2 is loaded; deleting and the default version stay its own."""
    actions = seam.module("ministack.services.ec2")._ACTION_MAP
    for name, act in (
        ("CreateLaunchTemplate", create),
        ("CreateLaunchTemplateVersion", create_version),
        ("DescribeLaunchTemplateVersions", describe_versions),
    ):
        actions[name] = lambda params, name=name, act=act: protocol.respond(name, act, params)


def create(values: Values) -> Values:
    store = seam.module("ministack.services.ec2")
    name = values["LaunchTemplateName"]
    if any(one["LaunchTemplateName"] == name for one in store._launch_templates.values()):
        raise AwsError(
            "InvalidLaunchTemplateName.AlreadyExistsException", f"Launch template name already in use: {name}"
        )
    template_id = store._new_lt_id()
    record: Record = {
        "LaunchTemplateId": template_id,
        "LaunchTemplateName": name,
        "CreateTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "DefaultVersionNumber": 1,
        "LatestVersionNumber": 0,
        "Versions": [],
    }
    _add_version(record, values, _data(values))
    tags = [
        tag
        for given in values.get("TagSpecifications") or ()
        if given.get("ResourceType") == "launch-template"
        for tag in given.get("Tags") or ()
    ]
    if tags:
        record["Tags"] = store._tags[template_id] = tags
    store._launch_templates[template_id] = record
    shown = {name: value for name, value in record.items() if name not in ("Versions", "Tags")}
    return {"LaunchTemplate": shown | {"CreateTime": _moment(record), "Tags": tags}}


def create_version(values: Values) -> Values:
    """Members of the source version stay, unless they are given anew (CreateLaunchTemplateVersion, API reference)."""
    record = _found(values)
    source = values.get("SourceVersion")
    inherited = _version(record, source)["LaunchTemplateData"] if source else {}
    return {"LaunchTemplateVersion": _shown(_add_version(record, values, {**inherited, **_data(values)}))}


def describe_versions(values: Values) -> Values:
    record = _found(values)
    wanted = values.get("Versions")
    found = [_version(record, one) for one in wanted] if wanted else list(reversed(record["Versions"]))
    return {"LaunchTemplateVersions": [_shown(one) for one in found]}


def _found(values: Values) -> Record:
    template_id, name = values.get("LaunchTemplateId"), values.get("LaunchTemplateName")
    for record in seam.module("ministack.services.ec2")._launch_templates.values():
        if record["LaunchTemplateId"] == template_id or (not template_id and record["LaunchTemplateName"] == name):
            found: Record = record
            return found
    raise AwsError("InvalidLaunchTemplateId.NotFound", f"The launch template {template_id or name} does not exist")


def _version(record: Record, wanted: str) -> Record:
    number = {"$Latest": record["LatestVersionNumber"], "$Default": record["DefaultVersionNumber"]}.get(wanted, wanted)
    for version in record["Versions"]:
        if str(version["VersionNumber"]) == str(number):
            found: Record = version
            return found
    raise AwsError(
        "InvalidLaunchTemplateId.VersionNotFound",
        f"Could not find the specified version {wanted} for the launch template with ID {record['LaunchTemplateId']}.",
    )


def _data(values: Values) -> Mapping[str, Any]:
    data = values.get("LaunchTemplateData") or {}
    for path in unsupported(TYPE, {"LaunchTemplateData": data}):
        raise AwsError("UnsupportedOperation", f"localcloud does not support {path} of launch templates yet")
    return dict(data)


def _add_version(record: Record, values: Values, data: Mapping[str, Any]) -> Record:
    number = record["LatestVersionNumber"] + 1
    version = {
        "LaunchTemplateId": record["LaunchTemplateId"],
        "LaunchTemplateName": record["LaunchTemplateName"],
        "VersionNumber": number,
        "VersionDescription": values.get("VersionDescription", ""),
        "DefaultVersion": number == record["DefaultVersionNumber"],
        "CreateTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "LaunchTemplateData": dict(data),
    }
    record["Versions"].append(version)
    record["LatestVersionNumber"] = number
    return version


def _moment(record: Record) -> datetime:
    """MiniStack keeps it as text."""
    return datetime.fromisoformat(record["CreateTime"])


def _shown(version: Record) -> Values:
    account, _ = seam.scope()
    return {
        **version,
        "CreateTime": _moment(version),
        "CreatedBy": f"arn:aws:iam::{account}:root",
        "LaunchTemplateData": launch_templates.clean(version["LaunchTemplateData"]),
    }
