"""When two requests are enough to say that there is nothing to do, and when they are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudformation_stack import compare
from cloudformation_stack.errors import StackError
from cloudformation_stack.options import trigger_type
from cloudformation_stack.template import MAX_BODY_BYTES, load, same
from fake_cloudformation import FakeCloudFormation, context

PLAIN = "Parameters: {Size: {Type: String, Default: '1'}}\nResources: {A: {Type: AWS::SNS::Topic}}\n"
ALARM = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:errors"


def stack(**more: Any) -> dict[str, Any]:
    return {"StackStatus": "CREATE_COMPLETE", "Parameters": [{"ParameterKey": "Size", "ParameterValue": "1"}], **more}


def found(body: str = PLAIN, there: dict[str, Any] | None = None, **given: Any) -> tuple[list[str], list[str]]:
    options = context(FakeCloudFormation(), body, **given)[0].options
    template = load(body)
    there = there or stack()
    return compare.doubts(options, template, there), compare.differences(options, template, there)


def test_equal_is_equal() -> None:
    assert found() == ([], [])


@pytest.mark.parametrize(
    "configuration", [{}, {"MonitoringTimeInMinutes": 0}, {"RollbackTriggers": [], "MonitoringTimeInMinutes": 0}]
)
def test_every_way_to_say_that_there_are_no_triggers_is_the_same(configuration: dict[str, Any]) -> None:
    assert found(there=stack(RollbackConfiguration=configuration)) == ([], [])


def test_the_same_triggers_in_another_order_are_no_difference() -> None:
    alarms = [ALARM, f"{ALARM}-2"]
    there = {
        "RollbackTriggers": [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"} for arn in reversed(alarms)],
        "MonitoringTimeInMinutes": 5,
    }
    wanted: dict[str, Any] = {"rollback_triggers": alarms, "monitoring_minutes": 5}
    assert found(there=stack(RollbackConfiguration=there), **wanted) == ([], [])


@pytest.mark.parametrize(
    ("given", "there", "difference"),
    [
        ({"parameters": {"Size": 2}}, {}, "parameter Size"),
        ({"tags": {"env": "staging"}}, {}, "tags"),
        ({}, {"Tags": [{"Key": "env", "Value": "staging"}]}, "tags"),
        ({"rollback_triggers": [ALARM]}, {}, "rollback configuration"),
        ({"monitoring_minutes": 5}, {}, "rollback configuration"),
        (
            {},
            {"RollbackConfiguration": {"RollbackTriggers": [{"Arn": ALARM, "Type": "AWS::CloudWatch::Alarm"}]}},
            "rollback configuration",
        ),
        ({}, {"Parameters": [{"ParameterKey": "Size", "ParameterValue": "7"}]}, "parameter Size"),
        (
            {},
            {
                "Parameters": [
                    {"ParameterKey": "Size", "ParameterValue": "1"},
                    {"ParameterKey": "Gone", "ParameterValue": "1"},
                ]
            },
            "parameter Gone",
        ),
    ],
)
def test_each_setting_counts(given: dict[str, Any], there: dict[str, Any], difference: str) -> None:
    assert found(there=stack(**there), **given)[1] == [difference]


def test_a_kept_parameter_is_equal_whatever_it_is() -> None:
    there = stack(Parameters=[{"ParameterKey": "Size", "ParameterValue": "7"}])
    assert found(there=there, parameters={"Size": 1}, keep_parameters=["Size"]) == ([], [])


@pytest.mark.parametrize(
    ("body", "doubt"),
    [
        (
            "Parameters: {Size: {Type: 'AWS::SSM::Parameter::Value<String>', Default: '1'}}\nResources: {A: {Type: T}}",
            "parameter Size is looked up in Parameter Store",
        ),
        (
            "Transform: My::Macro\nParameters: {Size: {Type: String, Default: '1'}}\nResources: {A: {Type: T}}",
            "it is transformed by My::Macro",
        ),
        (
            "Parameters: {Size: {Type: String, Default: '1'}}\nResources: {A: {Type: T, P: '{{resolve:ssm:/x}}'}}",
            "it holds a dynamic reference",
        ),
        (
            "Parameters: {Size: {Type: String, Default: '1'}}\nResources: {A: {Type: T, P: {'Fn::Transform': {}}}}",
            "it embeds a macro (Fn::Transform)",
        ),
        (PLAIN + "# ümlaut\n", "the template holds characters beyond ASCII, which GetTemplate does not return"),
    ],
)
def test_what_the_text_does_not_decide_is_left_to_a_change_set(body: str, doubt: str) -> None:
    assert found(body)[0] == [doubt]


def test_a_secret_that_is_given_cannot_be_compared() -> None:
    body = "Parameters: {Secret: {Type: String, NoEcho: true}}\nResources: {A: {Type: T}}"
    there = stack(Parameters=[{"ParameterKey": "Secret", "ParameterValue": "****"}])
    assert found(body, there, parameters={"Secret": "x"})[0] == ["parameter Secret is secret and cannot be compared"]
    assert found(body, there, parameters={"Secret": "x"}, keep_parameters=["Secret"]) == ([], [])


def test_an_unsettled_stack_is_left_to_a_change_set() -> None:
    assert found(there=stack(StackStatus="UPDATE_ROLLBACK_COMPLETE"))[0] == ["the stack is UPDATE_ROLLBACK_COMPLETE"]


def test_templates_are_compared_by_meaning() -> None:
    short = "Resources:\n  A: {Type: T, P: !GetAtt B.Arn, V: !Ref C, On: 2012-10-17}\n"
    assert same(short, "# words\n" + short.replace("!Ref C", "{Ref: C}"))
    tree = {"Resources": {"A": {"Type": "T", "P": {"Fn::GetAtt": ["B", "Arn"]}, "V": {"Ref": "C"}, "On": "2012-10-17"}}}
    assert same(json.dumps(tree), tree)
    assert not same(short, short.replace("B.Arn", "B.Name"))


def test_mangled_characters_never_compare_equal() -> None:
    assert not same("Resources: {A: {Type: ü}}", "Resources: {A: {Type: ?}}")
    assert not same("Resources: {A: {Type: ü}}", "Resources: {A: {Type: ü}}")


def test_a_template_that_cannot_be_sent_is_refused() -> None:
    with pytest.raises(StackError, match="51200"):
        load("x" * (MAX_BODY_BYTES + 1))
    with pytest.raises(StackError, match="not valid YAML"):
        load("a: [")
    with pytest.raises(StackError, match="Resources"):
        load("a: 1")


def test_trigger_types() -> None:
    assert trigger_type(ALARM) == "AWS::CloudWatch::Alarm"
