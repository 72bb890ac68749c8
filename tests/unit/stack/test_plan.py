"""Change sets and templates as plans; what is secret; what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from cloudformation_stack.differences import PropertyChange
from cloudformation_stack.guard import GUARDED_TYPES, refusals
from cloudformation_stack.options import KNOWN_AFTER_APPLY
from cloudformation_stack.plan import Action, from_change_set, from_template
from cloudformation_stack.resolve import Resolver
from cloudformation_stack.template import load

TEMPLATE = """
Transform: AWS::LanguageExtensions
Parameters:
  Size: {Type: Number, Default: 2}
  Password: {Type: String, NoEcho: true, Default: first}
  Emails: {Type: CommaDelimitedList, Default: "a@example.com,b@example.com"}
  Mode: {Type: String, Default: "on"}
Conditions:
  IsOn: !Equals [!Ref Mode, "on"]
  IsOff: !Not [!Condition IsOn]
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc}}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MaxSize: !Ref Size
      Tags: [{Key: size, Value: !Sub "is-${Size}"}]
  Machine:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        UserData:
          Fn::Base64: !Sub |
            #!/bin/bash
            echo ${Size}
            echo same
  Silent: {Type: AWS::SNS::Topic, Condition: IsOff}
  Database: {Type: AWS::RDS::DBInstance, Properties: {MasterUserPassword: !Sub "x${Password}"}}
  Fn::ForEach::Mails:
    - Mail
    - !Ref Emails
    - "Subscription&{Mail}": {Type: AWS::SNS::Subscription, Properties: {Endpoint: !Ref Mail}}
"""


def resolver(**values: str) -> Resolver:
    return Resolver(load(TEMPLATE), values)


def modify(
    logical_id: str,
    kind: str,
    *details: dict[str, Any],
    replacement: str = "False",
    action: str = "Modify",
    **more: Any,
) -> dict[str, Any]:
    return {
        "ResourceChange": {
            "Action": action,
            "LogicalResourceId": logical_id,
            "ResourceType": kind,
            "Replacement": replacement,
            "Details": list(details),
            **more,
        }
    }


def detail(
    name: str,
    recreates: str = "Never",
    evaluation: str = "Static",
    source: str = "DirectModification",
    cause: str = "",
    **target: str,
) -> dict[str, Any]:
    return {
        "Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreates, **target},
        "Evaluation": evaluation,
        "ChangeSource": source,
        "CausingEntity": cause,
    }


def test_a_new_stack_lists_what_its_conditions_and_loops_make() -> None:
    plan = from_template("demo", resolver())
    names = [resource.logical_id for resource in plan.resources]
    assert "Silent" not in names
    assert "Subscriptionaexamplecom" in names
    assert plan.summary() == "demo: 7 to add"


def test_a_condition_that_only_aws_can_decide_is_said() -> None:
    plan = from_template("demo", resolver(Mode="known after apply"))
    assert "  + Silent  AWS::SNS::Topic  (only if IsOff)" in plan.lines()


def test_values_come_from_the_change_set_where_it_has_them() -> None:
    change = modify(
        "Group",
        "AWS::AutoScaling::AutoScalingGroup",
        detail("MaxSize", Path="/Properties/MaxSize", BeforeValue="3", AfterValue="6"),
    )
    plan = from_change_set("demo", [change], resolver(), resolver(Size="5"))
    assert "      MaxSize: 3 → 6" in plan.lines()


def test_values_come_from_the_templates_where_it_has_none() -> None:
    change = modify("Group", "AWS::AutoScaling::AutoScalingGroup", detail("MaxSize"), detail("Tags"))
    plan = from_change_set("demo", [change], resolver(), resolver(Size="5"))
    assert plan.lines()[2:] == ["      MaxSize: 2 → 5", "      Tags.0.Value: is-2 → is-5"]


def test_a_value_another_resource_brings_along_is_known_after_apply() -> None:
    change = modify(
        "Subnet",
        "AWS::EC2::Subnet",
        detail("VpcId", "Always", "Dynamic", "ResourceReference", "Vpc"),
        replacement="Conditional",
    )
    plan = from_change_set("demo", [change, modify("Vpc", "AWS::EC2::VPC", replacement="True")], resolver(), resolver())
    subnet = next(resource for resource in plan.resources if resource.logical_id == "Subnet")
    assert subnet.action is Action.MAY_REPLACE
    assert "      VpcId: Vpc → known after apply" in plan.lines()


def test_a_reference_to_a_resource_that_stays_replaces_nothing() -> None:
    subnet = modify(
        "Subnet",
        "AWS::EC2::Subnet",
        detail("VpcId", "Always", "Dynamic", "ResourceReference", "Vpc"),
        replacement="Conditional",
    )
    plan = from_change_set("demo", [subnet, modify("Vpc", "AWS::EC2::VPC")], resolver(), resolver())
    assert {resource.action for resource in plan.resources} == {Action.CHANGE}
    assert refusals(plan, (), "allow") == []


def test_an_attribute_of_a_changed_resource_may_replace() -> None:
    subnet = modify(
        "Subnet",
        "AWS::EC2::Subnet",
        detail("VpcId", "Always", "Dynamic", "ResourceAttribute", "Vpc.Id"),
        replacement="Conditional",
    )
    plan = from_change_set("demo", [subnet, modify("Vpc", "AWS::EC2::VPC")], resolver(), resolver())
    assert "Subnet (AWS::EC2::Subnet) may be replaced because of VpcId" in refusals(plan, (), "allow")[0]


def test_a_long_text_that_only_an_apply_can_tell_is_not_shown() -> None:
    text = PropertyChange("DashboardBody", "{\n  widgets\n}", KNOWN_AFTER_APPLY)
    assert text.lines() == ["DashboardBody: known after apply"]
    assert PropertyChange("VpcId", "Vpc", KNOWN_AFTER_APPLY).lines() == ["VpcId: Vpc → known after apply"]


def test_a_long_text_is_shown_as_its_lines() -> None:
    change = modify("Machine", "AWS::EC2::LaunchTemplate", detail("LaunchTemplateData"))
    lines = from_change_set("demo", [change], resolver(), resolver(Size="5")).lines()
    assert "      LaunchTemplateData.UserData:" in lines
    assert "        -echo 2" in lines
    assert "        +echo 5" in lines
    assert not any("echo 2\n" in line for line in lines)


@pytest.mark.parametrize("values", [{}, {"BeforeValue": "xfirst", "AfterValue": "xsecond"}])
def test_what_is_made_of_a_secret_is_masked(values: dict[str, str]) -> None:
    change = modify("Database", "AWS::RDS::DBInstance", detail("MasterUserPassword", **values))
    plan = from_change_set("demo", [change], resolver(), resolver(Password="second"))
    assert "      MasterUserPassword: **** → ****" in plan.lines()
    assert "second" not in str(plan.as_data())


def test_removal_of_what_carries_state_is_refused_unless_retained() -> None:
    def removal(policy: str) -> list[str]:
        change = modify("Table", "AWS::DynamoDB::Table", action="Remove", PolicyAction=policy)
        return refusals(from_change_set("demo", [change], resolver(), resolver()), (), "allow")

    assert removal("Delete") == [
        "Table (AWS::DynamoDB::Table) would be deleted because the template no longer has "
        "it, and it carries state. To allow it: allow: [Table]"
    ]
    assert removal("Retain") == []


def test_what_carries_nothing_may_go() -> None:
    change = modify("Rule", "AWS::EC2::SecurityGroupIngress", action="Remove")
    assert refusals(from_change_set("demo", [change], resolver(), resolver()), (), "allow") == []


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ECR::Repository",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::EC2::VPC",
        "AWS::DynamoDB::Table",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::SNS::Topic",
    ],
)
def test_the_types_the_design_names_are_guarded(kind: str) -> None:
    assert kind in GUARDED_TYPES
