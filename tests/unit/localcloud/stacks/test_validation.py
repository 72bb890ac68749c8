"""Properties against AWS's own resource schemas.

Sources: "Validate stack deployments" (CloudFormation guide); the registry's schema of each type. The wording of
required, unsupported and type is the one that has been seen on AWS.
"""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.control_plane.cloudformation import schemas
from localcloud.control_plane.cloudformation.validation import UNKNOWN, problems

GROUP = {"MinSize": "1", "MaxSize": "2"}
RULE = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}


def found(kind: str, properties: dict[str, Any]) -> list[tuple[str, str]]:
    schema = schemas.of_type(f"AWS::{kind}")
    assert schema is not None
    return [(one.path, one.reason) for one in problems(properties, schema)]


@pytest.mark.parametrize(
    ("kind", "properties", "path", "reason"),
    [
        ("AutoScaling::AutoScalingGroup", {"MinSize": "1"}, "", "Required property [MaxSize] not found"),
        ("AutoScaling::AutoScalingGroup", {**GROUP, "MinSzie": "1"}, "", "Unsupported property [MinSzie]"),
        (
            "AutoScaling::AutoScalingGroup",
            {**GROUP, "LaunchTemplate": {"LaunchTemplateName": "x", "Version": "1", "Name": "x"}},
            "LaunchTemplate",
            "Unsupported property [Name]",
        ),
        (
            "AutoScaling::AutoScalingGroup",
            {**GROUP, "AutoScalingGroupARN": "arn:aws:autoscaling"},
            "",
            "Unsupported property [AutoScalingGroupARN]",
        ),
        (
            "AutoScaling::AutoScalingGroup",
            {**GROUP, "VPCZoneIdentifier": "subnet-1,subnet-2"},
            "VPCZoneIdentifier",
            "Property [VPCZoneIdentifier] expected type: JSONArray, found: String",
        ),
        (
            "AutoScaling::AutoScalingGroup",
            {**GROUP, "HealthCheckGracePeriod": "soon"},
            "HealthCheckGracePeriod",
            "Property [HealthCheckGracePeriod] expected type: Integer, found: String",
        ),
        (
            "AutoScaling::AutoScalingGroup",
            {**GROUP, "AutoScalingGroupName": {"a": 1}},
            "AutoScalingGroupName",
            "Property [AutoScalingGroupName] expected type: String, found: JSONObject",
        ),
        (
            "EC2::Subnet",
            {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24", "MapPublicIpOnLaunch": "perhaps"},
            "MapPublicIpOnLaunch",
            "Property [MapPublicIpOnLaunch] expected type: Boolean, found: String",
        ),
        (
            "EC2::SecurityGroup",
            {"GroupDescription": "d", "SecurityGroupIngress": [RULE, {**RULE, "Port": 1}]},
            "SecurityGroupIngress/1",
            "Unsupported property [Port]",
        ),
        (
            "IAM::Role",
            {"AssumeRolePolicyDocument": {}, "ManagedPolicyArns": ["a", "a"]},
            "ManagedPolicyArns",
            "#/ManagedPolicyArns: array items are not unique",
        ),
        (
            "Logs::LogGroup",
            {"LogGroupName": "with blanks"},
            "LogGroupName",
            "#/LogGroupName: string [with blanks] does not match pattern ^[.\\-_/#A-Za-z0-9]{1,512}\\Z",
        ),
        (
            "ECR::Repository",
            {"RepositoryName": "x"},
            "RepositoryName",
            "#/RepositoryName: expected minLength: 2, actual: 1",
        ),
    ],
)
def test_a_problem_has_a_path_and_a_reason(kind: str, properties: dict[str, Any], path: str, reason: str) -> None:
    assert (path, reason) in found(kind, properties)


def test_values_that_are_not_allowed_come_with_those_that_are() -> None:
    ((path, reason),) = found("Logs::LogGroup", {"RetentionInDays": 31})
    assert path == "RetentionInDays"
    assert reason.startswith("31 is not a valid enum value. Supported values: [1, 3, 5, 7,")


def test_text_is_a_number_or_a_flag_where_it_reads_like_one() -> None:
    """Parameters of type Number arrive as text."""
    assert found("Logs::LogGroup", {"RetentionInDays": "30"}) == []
    assert found("EC2::VPC", {"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": "true"}) == []
    assert found("AutoScaling::AutoScalingGroup", {"MinSize": 1, "MaxSize": 2}) == []


def test_what_is_known_at_deployment_only_is_not_judged() -> None:
    assert found("AutoScaling::AutoScalingGroup", {**GROUP, "VPCZoneIdentifier": UNKNOWN}) == []
    assert found("IAM::Role", {"AssumeRolePolicyDocument": UNKNOWN, "ManagedPolicyArns": [UNKNOWN, UNKNOWN]}) == []
    assert found("EC2::SecurityGroup", {"GroupDescription": UNKNOWN, "SecurityGroupIngress": [{**RULE, "X": 1}]})
