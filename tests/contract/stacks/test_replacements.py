"""DescribeChangeSet tells a replacement from an update in place as the resource schemas do.

Reference: AWS CloudFormation API, ResourceTargetDefinition, RequiresRecreation; Template Reference, "Update requires"
of each property.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

Template = dict[str, Any]


def template(**properties: Any) -> str:
    resource = {"Type": "AWS::Logs::LogGroup", "Properties": properties}
    return json.dumps({"Resources": {"Log": resource}})


@pytest.mark.parametrize(
    ("before", "after", "replacement", "recreation"),
    [
        ({"RetentionInDays": 1}, {"RetentionInDays": 3}, "False", "Never"),
        ({"LogGroupName": "/a"}, {"LogGroupName": "/b"}, "True", "Always"),
    ],
    ids=["in place", "by another"],
)
def test_a_change_set_says_what_is_replaced(
    client: Any, before: Template, after: Template, replacement: str, recreation: str
) -> None:
    cloudformation = client("cloudformation")
    name = f"replacement-{recreation.lower()}"
    cloudformation.create_stack(StackName=name, TemplateBody=template(**before))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    cloudformation.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=template(**after))
    cloudformation.get_waiter("change_set_create_complete").wait(
        StackName=name, ChangeSetName="c", WaiterConfig={"Delay": 1}
    )
    (change,) = cloudformation.describe_change_set(StackName=name, ChangeSetName="c")["Changes"]
    assert change["ResourceChange"]["Replacement"] == replacement
    assert {detail["Target"]["RequiresRecreation"] for detail in change["ResourceChange"]["Details"]} == {recreation}
    cloudformation.delete_stack(StackName=name)
