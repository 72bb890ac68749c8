"""Launch templates keep what they are given, version by version.

Source: EC2 API reference, CreateLaunchTemplate, CreateLaunchTemplateVersion, DescribeLaunchTemplateVersions.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

DATA = {
    "ImageId": "ami-1",
    "InstanceType": "t3.micro",
    "CreditSpecification": {"CpuCredits": "standard"},
    "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
    "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8, "Encrypted": True}}],
}


@pytest.fixture
def ec2(client: Any) -> Any:
    api = client("ec2")
    yield api
    for template in api.describe_launch_templates()["LaunchTemplates"]:
        api.delete_launch_template(LaunchTemplateId=template["LaunchTemplateId"])


def test_nothing_is_lost_on_the_way(ec2: Any) -> None:
    ec2.create_launch_template(LaunchTemplateName="machines", LaunchTemplateData=DATA)
    (version,) = ec2.describe_launch_template_versions(LaunchTemplateName="machines")["LaunchTemplateVersions"]
    assert version["LaunchTemplateData"] == DATA


def test_a_version_inherits_from_its_source_and_becomes_the_latest(ec2: Any) -> None:
    ec2.create_launch_template(LaunchTemplateName="machines", LaunchTemplateData=DATA)
    ec2.create_launch_template_version(
        LaunchTemplateName="machines", SourceVersion="1", LaunchTemplateData={"ImageId": "ami-2"}
    )
    (latest,) = ec2.describe_launch_template_versions(LaunchTemplateName="machines", Versions=["$Latest"])[
        "LaunchTemplateVersions"
    ]
    assert latest["VersionNumber"] == 2
    assert latest["LaunchTemplateData"] == DATA | {"ImageId": "ami-2"}
    (template,) = ec2.describe_launch_templates(LaunchTemplateNames=["machines"])["LaunchTemplates"]
    assert (template["DefaultVersionNumber"], template["LatestVersionNumber"]) == (1, 2)


def test_what_no_instance_would_get_is_refused(ec2: Any) -> None:
    with pytest.raises(ClientError, match=r"localcloud does not support LaunchTemplateData\.KeyName"):
        ec2.create_launch_template(LaunchTemplateName="machines", LaunchTemplateData=DATA | {"KeyName": "k"})
