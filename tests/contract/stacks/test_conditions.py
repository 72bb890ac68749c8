"""Resources that come and go with a condition: CloudFormation user guide, "Conditions"."""

from __future__ import annotations

import json
import uuid
from typing import Any

TEMPLATE = json.dumps(
    {
        "Parameters": {"Extra": {"Type": "String", "Default": "no"}, "Title": {"Type": "String", "Default": "one"}},
        "Conditions": {"WithExtra": {"Fn::Equals": [{"Ref": "Extra"}, "yes"]}},
        "Resources": {
            "Always": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Title"}}},
            "Sometimes": {
                "Type": "AWS::SNS::Topic",
                "Condition": "WithExtra",
                "Properties": {"DisplayName": {"Ref": "Title"}},
            },
        },
    }
)


def apply(api: Any, kind: str, **parameters: str) -> list[tuple[str, str]]:
    """Through a change set: (action, logical id) of what it lists."""
    name = f"change-{uuid.uuid4()}"
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]
    api.create_change_set(
        StackName="conditions", ChangeSetName=name, ChangeSetType=kind, TemplateBody=TEMPLATE, Parameters=given
    )
    api.get_waiter("change_set_create_complete").wait(
        StackName="conditions", ChangeSetName=name, WaiterConfig={"Delay": 1}
    )
    changes = api.describe_change_set(StackName="conditions", ChangeSetName=name)["Changes"]
    api.execute_change_set(StackName="conditions", ChangeSetName=name)
    api.get_waiter(f"stack_{kind.lower()}_complete").wait(StackName="conditions", WaiterConfig={"Delay": 1})
    return [(change["ResourceChange"]["Action"], change["ResourceChange"]["LogicalResourceId"]) for change in changes]


def resources(api: Any) -> set[str]:
    found = api.list_stack_resources(StackName="conditions")["StackResourceSummaries"]
    return {item["LogicalResourceId"] for item in found if item["ResourceStatus"] != "DELETE_COMPLETE"}


def test_a_change_set_lists_what_a_condition_brings_and_takes_and_does_it(client: Any) -> None:
    api, topics = client("cloudformation"), client("sns")
    before = len(topics.list_topics()["Topics"])
    try:
        assert apply(api, "CREATE") == [("Add", "Always")]
        assert resources(api) == {"Always"}
        # A resource that is not there is not modified either.
        assert apply(api, "UPDATE", Title="two") == [("Modify", "Always")]
        assert apply(api, "UPDATE", Title="two", Extra="yes") == [("Add", "Sometimes")]
        assert resources(api) == {"Always", "Sometimes"}
        assert len(topics.list_topics()["Topics"]) == before + 2
        assert apply(api, "UPDATE", Title="two", Extra="no") == [("Remove", "Sometimes")]
        assert resources(api) == {"Always"}
        assert len(topics.list_topics()["Topics"]) == before + 1
    finally:
        api.delete_stack(StackName="conditions")
        api.get_waiter("stack_delete_complete").wait(StackName="conditions", WaiterConfig={"Delay": 1})
