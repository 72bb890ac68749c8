"""Stack events: CloudFormation user guide, "Stack event status codes"."""

from __future__ import annotations

import json
from typing import Any


def template(*topics: str) -> str:
    return json.dumps(
        {
            "Parameters": {"Title": {"Type": "String", "Default": "one"}},
            "Resources": {
                "Constant": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "always the same"}},
                **{
                    name: {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Title"}}}
                    for name in topics
                },
            },
        }
    )


def test_what_an_update_adds_is_created_and_what_it_changes_has_its_physical_id_from_the_start(client: Any) -> None:
    api = client("cloudformation")
    api.create_stack(StackName="events", TemplateBody=template("First"))
    api.get_waiter("stack_create_complete").wait(StackName="events", WaiterConfig={"Delay": 1})
    try:
        api.update_stack(
            StackName="events",
            TemplateBody=template("First", "Second"),
            Parameters=[{"ParameterKey": "Title", "ParameterValue": "two"}],
        )
        api.get_waiter("stack_update_complete").wait(StackName="events", WaiterConfig={"Delay": 1})
        events = api.describe_stack_events(StackName="events")["StackEvents"]
        (topic,) = [
            item["PhysicalResourceId"]
            for item in api.list_stack_resources(StackName="events")["StackResourceSummaries"]
            if item["LogicalResourceId"] == "First"
        ]
        found = [(e["LogicalResourceId"], e["ResourceStatus"], e.get("PhysicalResourceId")) for e in reversed(events)]
        assert ("First", "UPDATE_IN_PROGRESS", topic) in found
        second = [status for name, status, _ in found if name == "Second"]
        assert second == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
        assert [status for name, status, _ in found if name == "Constant"] == ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
        # New tags of the stack reach every resource of it.
        api.update_stack(
            StackName="events",
            UsePreviousTemplate=True,
            Parameters=[{"ParameterKey": "Title", "UsePreviousValue": True}],
            Tags=[{"Key": "env", "Value": "test"}],
        )
        api.get_waiter("stack_update_complete").wait(StackName="events", WaiterConfig={"Delay": 1})
        latest = api.describe_stack_events(StackName="events")["StackEvents"]
        assert ("Constant", "UPDATE_COMPLETE") in [(e["LogicalResourceId"], e["ResourceStatus"]) for e in latest]
    finally:
        api.delete_stack(StackName="events")
