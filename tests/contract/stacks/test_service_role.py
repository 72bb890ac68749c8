"""A stack with a service role is applied with that role's rights: RoleARN of CreateStack, UpdateStack and DeleteStack
(CloudFormation API reference); "CloudFormation service role" (user guide).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

from tests.cloud import ACCOUNT, REGION
from tests.waiting import eventually

STACK = "with-role"
TRUST = {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}
TOPICS = f"arn:aws:sns:*:{ACCOUNT}:{STACK}-*"


def template(title: str = "one", **more: Any) -> str:
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": title}}
    return json.dumps({"Resources": {"Topic": topic, **more}})


LOG_GROUP = {"Type": "AWS::Logs::LogGroup", "DependsOn": "Topic", "Properties": {"LogGroupName": "/with-role"}}


@pytest.fixture
def may(client: Any) -> Iterator[Any]:
    """may(action, ...) makes the role, or gives it other rights; gives its ARN."""
    iam = client("iam")
    arn = iam.create_role(RoleName="service", AssumeRolePolicyDocument=json.dumps({"Statement": [TRUST]}))["Role"][
        "Arn"
    ]

    def grant(*actions: str, resource: str = TOPICS, **more: Any) -> str:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}
        iam.put_role_policy(
            RoleName="service", PolicyName="rights", PolicyDocument=json.dumps({"Statement": [statement]})
        )
        return str(arn)

    yield grant
    grant("*", resource="*")
    remove(client("cloudformation"))
    iam.delete_role_policy(RoleName="service", PolicyName="rights")
    iam.delete_role(RoleName="service")


def remove(api: Any) -> str:
    api.delete_stack(StackName=STACK)
    return settled(api)


def settled(api: Any) -> str:
    def final() -> str | None:
        try:
            (found,) = api.describe_stacks(StackName=STACK)["Stacks"]
        except ClientError:
            return "gone"
        status = str(found["StackStatus"])
        return None if status.endswith("IN_PROGRESS") else status

    return str(eventually(final))


def reasons(api: Any, status: str) -> list[str]:
    found = api.describe_stack_events(StackName=STACK)["StackEvents"]
    return [one["ResourceStatusReason"] for one in found if one["ResourceStatus"] == status]


def test_a_resource_that_the_role_may_make_is_made_and_the_stack_keeps_the_role(client: Any, may: Any) -> None:
    api = client("cloudformation")
    role = may("sns:CreateTopic", "sns:SetTopicAttributes", "sns:DeleteTopic")
    api.create_stack(StackName=STACK, TemplateBody=template(), RoleARN=role)
    assert settled(api) == "CREATE_COMPLETE"
    assert api.describe_stacks(StackName=STACK)["Stacks"][0]["RoleARN"] == role
    api.update_stack(StackName=STACK, TemplateBody=template("two"))
    assert settled(api) == "UPDATE_COMPLETE"
    assert remove(api) == "gone"


def test_one_that_it_may_not_make_fails_the_stack(client: Any, may: Any) -> None:
    api = client("cloudformation")
    role = may("sns:CreateTopic", "sns:DeleteTopic")
    api.create_stack(StackName=STACK, TemplateBody=template(Logs=LOG_GROUP), RoleARN=role)
    assert settled(api) == "ROLLBACK_COMPLETE"
    (reason,) = reasons(api, "CREATE_FAILED")
    assert "assumed-role/service/AWSCloudFormation is not authorized to perform: logs:CreateLogGroup" in reason
    assert f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/with-role" in reason
    assert "HandlerErrorCode: AccessDenied" in reason


def test_a_right_on_other_resources_is_none(client: Any, may: Any) -> None:
    api = client("cloudformation")
    role = may("sns:*", resource=f"arn:aws:sns:*:{ACCOUNT}:another-*")
    api.create_stack(StackName=STACK, TemplateBody=template(), RoleARN=role)
    assert settled(api) == "ROLLBACK_COMPLETE"


def test_tags_open_only_what_carries_them(client: Any, may: Any) -> None:
    api = client("cloudformation")
    role = may("sns:CreateTopic", "sns:DeleteTopic")
    tags = [{"Key": "app", "Value": "hello"}]
    api.create_stack(StackName=STACK, TemplateBody=template(), RoleARN=role, Tags=tags)
    assert settled(api) == "CREATE_COMPLETE"
    for owner, status in (("another", "UPDATE_ROLLBACK_COMPLETE"), ("hello", "UPDATE_COMPLETE")):
        may("sns:*", Condition={"StringEquals": {"aws:ResourceTag/app": owner}})
        api.update_stack(StackName=STACK, TemplateBody=template("two"))
        assert settled(api) == status


def test_what_it_may_not_delete_stays(client: Any, may: Any) -> None:
    api = client("cloudformation")
    api.create_stack(StackName=STACK, TemplateBody=template(), RoleARN=may("sns:CreateTopic"))
    assert settled(api) == "CREATE_COMPLETE"
    assert remove(api) == "DELETE_FAILED"
    assert "sns:DeleteTopic" in reasons(api, "DELETE_FAILED")[-1]


def test_an_instance_profile_is_known_by_its_arn(client: Any, may: Any) -> None:
    api = client("cloudformation")
    names = f"arn:aws:iam::{ACCOUNT}:instance-profile/{STACK}-Profile-*"
    role = may("iam:CreateInstanceProfile", "iam:DeleteInstanceProfile", resource=names)
    profile = {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": ["service"]}}
    body = json.dumps({"Resources": {"Profile": profile}})
    api.create_stack(StackName=STACK, TemplateBody=body, RoleARN=role, Capabilities=["CAPABILITY_IAM"])
    assert settled(api) == "CREATE_COMPLETE"
    assert remove(api) == "gone"


def test_another_role_at_deletion_is_the_one_that_counts(client: Any, may: Any) -> None:
    api = client("cloudformation")
    api.create_stack(StackName=STACK, TemplateBody=template())
    assert settled(api) == "CREATE_COMPLETE"
    api.delete_stack(StackName=STACK, RoleARN=may("sns:CreateTopic"))
    assert settled(api) == "DELETE_FAILED"


@pytest.mark.parametrize("trusted", [False, True], ids=["unknown", "not CloudFormation's"])
def test_a_role_that_cannot_be_assumed_is_refused(client: Any, trusted: bool) -> None:
    iam = client("iam")
    if trusted:
        document = json.dumps({"Statement": [{**TRUST, "Principal": {"Service": "ec2.amazonaws.com"}}]})
        iam.create_role(RoleName="foreign", AssumeRolePolicyDocument=document)
    with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
        client("cloudformation").create_stack(
            StackName=STACK, TemplateBody=template(), RoleARN=f"arn:aws:iam::{ACCOUNT}:role/foreign"
        )
    if trusted:
        iam.delete_role(RoleName="foreign")
