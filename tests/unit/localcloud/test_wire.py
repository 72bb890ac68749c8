"""The server's side of the query protocol, against botocore's own client side.

Source: Smithy documentation, "AWS Query protocol"; botocore's protocol tests describe the same.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.parsers import create_parser  # type: ignore[import-untyped, unused-ignore]
from botocore.serialize import create_serializer  # type: ignore[import-untyped, unused-ignore]

from localcloud import wire

MODEL = wire.service_model("autoscaling")


def sent(operation: str, parameters: dict[str, Any]) -> dict[str, str]:
    """The form fields that a client sends."""
    request = create_serializer("query").serialize_to_request(parameters, MODEL.operation_model(operation))
    return {key: str(value) for key, value in request["body"].items()}


def received(operation: str, response: wire.Response) -> Any:
    """What a client makes of a response."""
    status, headers, body = response
    return create_parser("query").parse(
        {"status_code": status, "headers": headers, "body": body}, MODEL.operation_model(operation).output_shape
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {"AutoScalingGroupName": "g", "MinSize": 1, "MaxSize": 2, "NewInstancesProtectedFromScaleIn": False},
        {"AutoScalingGroupName": "g", "MinSize": 1, "MaxSize": 2, "TargetGroupARNs": ["a", "b"]},
        {
            "AutoScalingGroupName": "g",
            "MinSize": 1,
            "MaxSize": 2,
            "LaunchTemplate": {"LaunchTemplateId": "lt-1", "Version": "$Latest"},
            "LifecycleHookSpecificationList": [{"LifecycleHookName": "h", "LifecycleTransition": "t"}],
            "Tags": [{"Key": f"k{number}", "Value": "v & <v>", "PropagateAtLaunch": True} for number in range(12)],
        },
    ],
)
def test_what_a_client_sends_is_what_the_server_reads(parameters: dict[str, Any]) -> None:
    operation = "CreateAutoScalingGroup"
    assert wire.parse(MODEL, sent(operation, parameters)) == (operation, parameters)


def test_what_the_server_answers_is_what_a_client_reads() -> None:
    moment = datetime(2026, 11, 22, 20, 42, 1, 500_000, tzinfo=UTC)
    activity = {
        "ActivityId": "1",
        "AutoScalingGroupName": "g",
        "Cause": "a < b & c",
        "StartTime": moment,
        "StatusCode": "Successful",
        "Progress": 100,
    }
    service = wire.QueryService("autoscaling", {"DescribeScalingActivities": lambda _: {"Activities": [activity]}})
    response = service.respond(sent("DescribeScalingActivities", {}))
    assert received("DescribeScalingActivities", response)["Activities"] == [activity]


@pytest.mark.parametrize(
    ("fields", "code", "sentence"),
    [
        ({"Action": "MakeCoffee"}, "InvalidAction", "Could not find operation MakeCoffee"),
        ({"Action": "EnterStandby"}, "ValidationError", "AutoScalingGroupName"),
        (
            {"Action": "SetDesiredCapacity", "AutoScalingGroupName": "g", "DesiredCapacity": "many"},
            "ValidationError",
            "DesiredCapacity must be a integer, not 'many'",
        ),
        (
            {"Action": "SetDesiredCapacity", "AutoScalingGroupName": "g", "DesiredCapacity": "1", "Coffee": "x"},
            "ValidationError",
            "localcloud does not support Coffee",
        ),
        (
            {"Action": "DescribeScalingActivities"},
            "InvalidAction",
            "localcloud does not support autoscaling:DescribeScalingActivities yet",
        ),
    ],
)
def test_a_bad_request_is_an_error_that_names_it(fields: dict[str, str], code: str, sentence: str) -> None:
    parsed = received("SetDesiredCapacity", wire.QueryService("autoscaling", {}).respond(fields))
    assert parsed["Error"]["Code"] == code
    assert sentence in parsed["Error"]["Message"]


def test_a_failing_handler_is_an_internal_failure() -> None:
    service = wire.QueryService("autoscaling", {"DescribeScalingActivities": lambda _: {"NoSuchMember": 1}})
    status, _, body = service.respond({"Action": "DescribeScalingActivities"})
    assert status == 500
    assert b"InternalFailure" in body


def test_an_operation_that_does_not_exist_cannot_be_offered() -> None:
    with pytest.raises(ValueError, match="not operations of autoscaling: MakeCoffee"):
        wire.QueryService("autoscaling", {"MakeCoffee": lambda _: None})


def test_fields_are_taken_from_body_and_query_string() -> None:
    service = wire.QueryService("autoscaling", {"SetDesiredCapacity": lambda values: None})
    body = urlencode({"AutoScalingGroupName": "g", "DesiredCapacity": 1}).encode()
    status, _, _ = asyncio.run(service.handle_request("POST", "/", {}, body, {"Action": ["SetDesiredCapacity"]}))
    assert status == 200
