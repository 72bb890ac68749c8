"""Pre-deployment validation of properties, on every operation that has it.

Sources: "Validate stack deployments" (CloudFormation guide); DescribeEvents and OperationEvent (API reference).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

NAME = "validated"


def template(**changes: Any) -> str:
    return json.dumps(
        {
            "Parameters": {"Days": {"Type": "Number", "Default": 30}},
            "Conditions": {"Never": {"Fn::Equals": ["a", "b"]}},
            "Resources": {
                "Topic": {"Type": "AWS::SNS::Topic"},
                "Logs": {
                    "Type": "AWS::Logs::LogGroup",
                    "Properties": {
                        "RetentionInDays": {"Ref": "Days"},
                        "LogGroupName": {"Fn::Sub": "/x/${Topic.TopicName}"},
                        **changes,
                    },
                },
            },
        }
    )


@pytest.fixture
def api(client: Any) -> Iterator[Any]:
    api = client("cloudformation")
    yield api
    api.delete_stack(StackName=NAME)
    api.get_waiter("stack_delete_complete").wait(StackName=NAME, WaiterConfig={"Delay": 1, "MaxAttempts": 20})


def status(api: Any) -> str:
    end = time.monotonic() + 10
    while (found := str(api.describe_stacks(StackName=NAME)["Stacks"][0]["StackStatus"])).endswith("IN_PROGRESS"):
        if found == "REVIEW_IN_PROGRESS":
            break
        assert time.monotonic() < end
        time.sleep(0.1)
    return found


def errors(api: Any, **by: Any) -> list[tuple[str, str]]:
    events = api.describe_events(Filters={"FailedEvents": True}, **by)["OperationEvents"]
    found = [event for event in events if event["EventType"] == "VALIDATION_ERROR"]
    for event in found:
        assert event["ValidationName"] == "PROPERTY_VALIDATION"
        assert (event["ValidationStatus"], event["ValidationFailureMode"]) == ("FAILED", "FAIL")
        assert (event["LogicalResourceId"], event["ResourceType"]) == ("Logs", "AWS::Logs::LogGroup")
    return [(event["ValidationPath"], event["ValidationStatusReason"]) for event in found]


def change_set(api: Any, kind: str, **values: Any) -> Any:
    made = api.create_change_set(StackName=NAME, ChangeSetName="plan", ChangeSetType=kind, **values)
    return api.describe_change_set(ChangeSetName=made["Id"])


def test_a_change_set_fails_and_its_events_say_why(api: Any) -> None:
    found = change_set(api, "CREATE", TemplateBody=template(Retention=1, LogGroupName=["a"]))
    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "AWS::EarlyValidation::PropertyValidation" in found["StatusReason"]
    assert "DescribeEvents" in found["StatusReason"]
    expected = [
        (
            "/Resources/Logs/Properties/LogGroupName",
            "Property [LogGroupName] expected type: String, found: JSONArray",
        ),
        ("/Resources/Logs/Properties", "Unsupported property [Retention]"),
    ]
    assert sorted(errors(api, ChangeSetName=found["ChangeSetId"])) == sorted(expected)
    assert sorted(errors(api, ChangeSetName="plan", StackName=NAME)) == sorted(expected)
    assert sorted(errors(api, StackName=NAME)) == sorted(expected)
    events = api.describe_events(ChangeSetName=found["ChangeSetId"])["OperationEvents"]
    assert {event["OperationType"] for event in events} == {"CREATE_CHANGESET"}
    (operation,) = {event["OperationId"] for event in events}
    assert len(errors(api, OperationId=operation)) == 2
    with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
        api.execute_change_set(ChangeSetName=found["ChangeSetId"])
    assert status(api) == "REVIEW_IN_PROGRESS"


def test_a_value_that_comes_from_a_parameter_is_judged_too(api: Any) -> None:
    parameters = [{"ParameterKey": "Days", "ParameterValue": "31"}]
    found = change_set(api, "CREATE", TemplateBody=template(), Parameters=parameters)
    assert found["Status"] == "FAILED"
    ((path, reason),) = errors(api, ChangeSetName=found["ChangeSetId"])
    assert path == "/Resources/Logs/Properties/RetentionInDays"
    assert reason.startswith("31 is not a valid enum value.")


def test_a_stack_that_does_not_pass_is_rolled_back_before_anything_is_made(api: Any, client: Any) -> None:
    api.create_stack(StackName=NAME, TemplateBody=template(LogGroupName="with blanks"))
    assert status(api) == "ROLLBACK_COMPLETE"
    assert api.describe_stack_resources(StackName=NAME)["StackResources"] == []
    events = api.describe_stack_events(StackName=NAME)["StackEvents"]
    (failed,) = [event for event in events if event.get("DetailedStatus") == "VALIDATION_FAILED"]
    assert (failed["ResourceStatus"], failed["LogicalResourceId"]) == ("CREATE_FAILED", NAME)
    assert failed["ResourceStatusReason"].startswith("Validation failed with 1 error(s). Call DescribeEvents")
    ((path, _),) = errors(api, StackName=NAME)
    assert path == "/Resources/Logs/Properties/LogGroupName"


def test_an_update_that_does_not_pass_leaves_the_stack_as_it_was(api: Any) -> None:
    api.create_stack(StackName=NAME, TemplateBody=template())
    assert status(api) == "CREATE_COMPLETE"
    before = api.describe_stack_resources(StackName=NAME)["StackResources"]
    api.update_stack(
        StackName=NAME, TemplateBody=template(), Parameters=[{"ParameterKey": "Days", "ParameterValue": "2"}]
    )
    assert status(api) == "UPDATE_ROLLBACK_COMPLETE"
    assert api.describe_stack_resources(StackName=NAME)["StackResources"] == before
    found = change_set(api, "UPDATE", TemplateBody=template(Tags="none"))
    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")


def test_what_a_condition_leaves_out_is_not_judged(api: Any) -> None:
    nothing = {"Fn::If": ["Never", ["wrong"], {"Ref": "AWS::NoValue"}]}
    assert change_set(api, "CREATE", TemplateBody=template(KmsKeyId=nothing))["Status"] == "CREATE_COMPLETE"


def test_validation_is_not_skipped(client: Any) -> None:
    with pytest.raises(ClientError, match="localcloud does not support DisableValidation"):
        client("cloudformation").create_stack(StackName=NAME, TemplateBody=template(), DisableValidation=True)


def test_what_is_known_at_deployment_only_is_not_judged(api: Any) -> None:
    """Another resource's attribute (the template has one), and what SSM or Secrets Manager holds."""
    body = template(RetentionInDays="{{resolve:ssm:/days}}")
    assert change_set(api, "CREATE", TemplateBody=body)["Status"] == "CREATE_COMPLETE"
