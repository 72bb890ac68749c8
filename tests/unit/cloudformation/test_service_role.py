"""The role that stacks are applied with may do all that the templates need, and no more."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.unit.cloudformation.permissions import (
    ATTACHED,
    BOOTSTRAP,
    GRANTED,
    NEEDED_BESIDES,
    NOT_NEEDED,
    NOT_TAGGED,
    OURS,
    ROLE,
    SERVICES_OWN_ROLE,
    STATEMENTS,
    TYPES,
    exceptions,
    granted,
    limits,
    listed,
    needed,
    resolved,
    resources,
)


def test_templates_have_types() -> None:
    assert len(TYPES) >= 20


@pytest.mark.parametrize("kind", TYPES)
def test_a_stack_with_such_a_resource_can_be_applied_checked_and_removed(kind: str) -> None:
    missing = {action for action in needed(kind) if not granted(action) and not exceptions(kind, action)}
    assert missing == set(), "grant it in cloudformation/bootstrap.yml, or say here why it is not needed"


def test_nothing_is_granted_that_no_resource_needs() -> None:
    wanted = {action for kind in TYPES for action in needed(kind)} | set(NEEDED_BESIDES)
    assert [pattern for pattern in GRANTED if not any(fnmatchcase(action, pattern) for action in wanted)] == []


def test_every_exception_still_is_one() -> None:
    used = {key for kind in TYPES for action in needed(kind) for key in exceptions(kind, action)}
    assert set(NOT_NEEDED) - used == set()
    assert [action for action in NEEDED_BESIDES if not granted(action)] == []


@pytest.mark.parametrize("action", [action for action in GRANTED if "*" not in action])
def test_an_action_is_limited_as_far_as_it_can_be(action: str) -> None:
    if not limits(action):
        assert resources(action) == ["*"], "this action cannot be limited, and is denied on anything but *"
        return
    assert "*" not in resources(action)
    service = action.split(":", maxsplit=1)[0]
    for kind in limits(action) - (NOT_TAGGED if action in ("ec2:CreateTags", "ec2:DeleteTags") else set()):
        arn = OURS.get((service, kind))
        if action == "iam:CreateServiceLinkedRole":
            arn = SERVICES_OWN_ROLE
        if arn is None:
            continue
        matches = [pattern for pattern in resources(action) if fnmatchcase(arn, pattern)]
        assert matches, f"{action} is not granted on {arn}"


def test_only_reading_is_granted_by_wildcard() -> None:
    wildcards = {action for action in GRANTED if "*" in action}
    assert wildcards == {"autoscaling:Describe*", "ec2:Describe*", "elasticloadbalancing:Describe*"}


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement["Sid"])
def test_what_is_not_limited_by_name_is_limited_by_tag(statement: dict[str, Any]) -> None:
    reading = all(
        re.match(r"[a-z0-9-]+:(Describe|Get|List)", action) or not limits(action)
        for action in listed(statement["Action"])
    )
    by_name = all(":hello" in arn or "/hello" in arn or "-hello-" in arn for arn in listed(statement["Resource"]))
    by_condition = any(
        {"aws:ResourceTag/app", "iam:AWSServiceName"} & set(keys) for keys in statement.get("Condition", {}).values()
    )
    of_aws = statement["Sid"] in ("ExpandLoops",)
    # Both would have to know the user's own VPC and machine image.
    reasoned = statement["Sid"] in ("MakeSecurityGroup", "UseLaunchTemplate")
    assert reading or by_name or by_condition or of_aws or reasoned


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement["Sid"])
def test_what_exists_and_is_not_ours_cannot_be_deleted(statement: dict[str, Any]) -> None:
    if not any(re.search(r":(Delete|Remove|Detach)", action) for action in listed(statement["Action"])):
        return
    by_name = all("hello" in arn for arn in listed(statement["Resource"]))
    by_tag = statement.get("Condition", {}).get("StringEquals", {}).get("aws:ResourceTag/app") == "hello"
    # Launch templates carry no tag of their stack.
    assert by_name or by_tag or statement["Sid"] == "LaunchTemplate"


def test_the_role_serves_cloudformation_of_this_account_alone() -> None:
    (statement,) = ROLE["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "cloudformation.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "111122223333"}}


def test_the_role_can_not_give_itself_more() -> None:
    own = f"arn:aws:iam::111122223333:role/{ROLE['RoleName']}"
    reached = [
        statement["Sid"]
        for statement in STATEMENTS
        if any(action.startswith("iam:") for action in listed(statement["Action"]))
        and any(fnmatchcase(own, pattern) for pattern in listed(statement["Resource"]))
    ]
    assert reached == []
    for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"):
        (statement,) = (statement for statement in STATEMENTS if action in listed(statement["Action"]))
        assert statement["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": "FleetBoundary"}}
    (statement,) = (statement for statement in STATEMENTS if "iam:PassRole" in listed(statement["Action"]))
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}


def test_names_that_cloudformation_invents_are_not_cut_off() -> None:
    # preflight: app_name up to 20 characters, env_name up to 12; CloudFormation adds up to 13 of its own. A role's
    # name has 64 at most. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    assert len(f"{'a' * 20}-{'e' * 12}-fleet-green-Role-{'X' * 13}") <= 64


def test_policies_are_within_the_quotas() -> None:
    # Characters but for white space; https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    def length(document: Any) -> int:
        longest = json.dumps(document).replace("hello", "a" * 20).replace("arn:aws:", "arn:aws-us-gov:")
        return len(re.sub(r"\s", "", longest))

    assert sum(length(policy["PolicyDocument"]) for policy in ROLE["Policies"]) <= 10240
    boundary = resolved(BOOTSTRAP["FleetBoundary"]["Properties"]["PolicyDocument"])
    assert [document for document in (*ATTACHED, boundary) if length(document) > 6144] == []
