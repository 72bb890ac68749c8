"""What counts as a difference between a template and what is.

Sources: "Detect unmanaged configuration changes to stacks and resources with drift detection" (CloudFormation guide);
PropertyDifference (API reference); insertionOrder (resource type definition schema).
"""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.control_plane.cloudformation import schemas
from localcloud.control_plane.drift.comparison import compare

HTTPS = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
SSH = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0"}
DNS = {"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "CidrIp": "10.0.0.0/8"}
NAME, APP = {"Key": "Name", "Value": "n"}, {"Key": "app", "Value": "a"}

GROUP, ROLE, TABLE = "EC2::SecurityGroup", "IAM::Role", "DynamoDB::Table"
ASG = "AutoScaling::AutoScalingGroup"


def found(kind: str, expected: dict[str, Any], actual: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    result = compare(expected, actual, schemas.of_type(f"AWS::{kind}"))
    return [(one.path, one.kind, one.expected, one.actual) for one in result.differences]


def policy(*actions: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [*actions], "Resource": "*"}]}


@pytest.mark.parametrize(
    ("kind", "expected", "actual"),
    [
        # What the template leaves out, at every depth.
        (GROUP, {"VpcId": "vpc-1"}, {"VpcId": "vpc-1", "GroupName": "g", "SecurityGroupIngress": [SSH]}),
        (ASG, {"LaunchTemplate": {"Version": "1"}}, {"LaunchTemplate": {"Version": "1", "LaunchTemplateName": "x"}}),
        # Order, where it means nothing.
        (GROUP, {"SecurityGroupIngress": [HTTPS, SSH]}, {"SecurityGroupIngress": [SSH, HTTPS]}),
        (GROUP, {"Tags": [NAME, APP]}, {"Tags": [APP, NAME]}),
        (ASG, {"VPCZoneIdentifier": ["subnet-1", "subnet-2"]}, {"VPCZoneIdentifier": ["subnet-2", "subnet-1"]}),
        (
            TABLE,
            {"KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}]},
            {"KeySchema": [{"AttributeName": "b", "KeyType": "RANGE"}, {"AttributeName": "a", "KeyType": "HASH"}]},
        ),
        (ROLE, {"AssumeRolePolicyDocument": policy("a", "b")}, {"AssumeRolePolicyDocument": policy("b", "a")}),
        # Text for numbers and flags, from parameters.
        (ASG, {"MinSize": 2, "HealthCheckGracePeriod": "60"}, {"MinSize": "2", "HealthCheckGracePeriod": 60}),
        (GROUP, {"SecurityGroupIngress": [{**HTTPS, "FromPort": "443"}]}, {"SecurityGroupIngress": [HTTPS]}),
        (
            "EC2::VPC",
            {"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": "true"},
            {"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": True},
        ),
        # JSON as text.
        (
            "ECR::Repository",
            {"LifecyclePolicy": {"LifecyclePolicyText": '{"rules": [ {"rulePriority": 1} ]}'}},
            {"LifecyclePolicy": {"LifecyclePolicyText": '{"rules":[{"rulePriority":1}]}'}},
        ),
    ],
)
def test_no_difference(kind: str, expected: dict[str, Any], actual: dict[str, Any]) -> None:
    assert found(kind, expected, actual) == []


@pytest.mark.parametrize(
    ("kind", "expected", "actual", "difference"),
    [
        (ASG, {"MaxSize": "2"}, {"MaxSize": 3}, ("/MaxSize", "NOT_EQUAL", "2", "3")),
        ("Logs::LogGroup", {"RetentionInDays": "30"}, {}, ("/RetentionInDays", "REMOVE", "30", "null")),
        (GROUP, {"Tags": [NAME]}, {"Tags": [APP, NAME]}, ("/Tags/1", "ADD", "null", '{"Key":"app","Value":"a"}')),
        (GROUP, {"Tags": [NAME, APP]}, {"Tags": [APP]}, ("/Tags/0", "REMOVE", '{"Key":"Name","Value":"n"}', "null")),
        (
            GROUP,
            {"Tags": [NAME, APP]},
            {"Tags": [{"Key": "app", "Value": "b"}, NAME]},
            ("/Tags/1/Value", "NOT_EQUAL", "a", "b"),
        ),
        (
            GROUP,
            {"SecurityGroupIngress": [HTTPS, SSH]},
            {"SecurityGroupIngress": [SSH, {**HTTPS, "CidrIp": "10.0.0.0/8"}]},
            ("/SecurityGroupIngress/0/CidrIp", "NOT_EQUAL", "0.0.0.0/0", "10.0.0.0/8"),
        ),
        (
            ROLE,
            {"Policies": [{"PolicyName": "p", "PolicyDocument": policy("a")}]},
            {"Policies": [{"PolicyName": "p", "PolicyDocument": policy("b", "a")}]},
            ("/Policies/0/PolicyDocument/Statement/0/Action/1", "ADD", "null", "b"),
        ),
        # In the order that counts: the default policy comes last.
        (
            ASG,
            {"TerminationPolicies": ["OldestInstance"]},
            {"TerminationPolicies": ["OldestInstance", "Default"]},
            ("/TerminationPolicies/1", "ADD", "null", "Default"),
        ),
    ],
)
def test_one_difference(
    kind: str, expected: dict[str, Any], actual: dict[str, Any], difference: tuple[str, str, str, str]
) -> None:
    assert found(kind, expected, actual) == [difference]


def test_a_document_is_compared_as_a_whole() -> None:
    """Policies have no schema: a member more is a difference, too."""
    wider = policy("a")
    wider["Statement"][0]["Condition"] = {"Bool": {"aws:SecureTransport": True}}
    (difference,) = found(ROLE, {"AssumeRolePolicyDocument": policy("a")}, {"AssumeRolePolicyDocument": wider})
    assert difference[:2] == ("/AssumeRolePolicyDocument/Statement/0/Condition", "ADD")


def test_several_rules_that_have_nothing_in_common_are_gone_and_new() -> None:
    expected, actual = {"SecurityGroupIngress": [HTTPS, SSH]}, {"SecurityGroupIngress": [DNS, {**DNS, "ToPort": 54}]}
    differences = [(path, kind) for path, kind, _, _ in found(GROUP, expected, actual)]
    assert differences == [
        ("/SecurityGroupIngress/0", "REMOVE"),
        ("/SecurityGroupIngress/1", "REMOVE"),
        ("/SecurityGroupIngress/0", "ADD"),
        ("/SecurityGroupIngress/1", "ADD"),
    ]
