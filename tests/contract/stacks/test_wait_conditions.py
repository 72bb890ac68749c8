"""A signal is sent to the URL of a wait condition handle: "Create wait conditions in a CloudFormation template" (user
guide). The URL itself is the permission: whoever has it needs no credentials.
"""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.waiting import eventually

STACK = "waits"
TEMPLATE = json.dumps(
    {
        "Resources": {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Ready": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "DependsOn": "Handle",
                "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "300"},
            },
        }
    }
)


def signal(url: str, status: str, content_type: str | None = "") -> int:
    """What cfn-signal sends to a handle: PUT, and a Content-Type that is empty."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    body = json.dumps({"Status": status, "UniqueId": "i-1", "Data": "", "Reason": "as it said"})
    connection.request("PUT", parts.path, body, {} if content_type is None else {"Content-Type": content_type})
    return connection.getresponse().status


@pytest.fixture
def handle(client: Any) -> Any:
    """Of a stack that waits for its signal."""
    api = client("cloudformation")
    api.create_stack(StackName=STACK, TemplateBody=TEMPLATE)

    def url() -> Any:
        found = api.describe_stack_resources(StackName=STACK)["StackResources"]
        return next((one.get("PhysicalResourceId") for one in found if one["LogicalResourceId"] == "Handle"), None)

    yield eventually(url)
    api.delete_stack(StackName=STACK)
    api.get_waiter("stack_delete_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})


def status(client: Any) -> str:
    (found,) = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return str(found["StackStatus"])


@pytest.mark.parametrize("content_type", ["", None], ids=["empty", "left out"])
def test_a_signal_without_credentials_ends_the_wait(client: Any, handle: str, content_type: str | None) -> None:
    assert status(client) == "CREATE_IN_PROGRESS"
    assert signal(handle, "SUCCESS", content_type) == 200
    eventually(lambda: status(client) == "CREATE_COMPLETE")


def test_a_signal_of_failure_fails_the_stack(client: Any, handle: str) -> None:
    assert signal(handle, "FAILURE") == 200
    eventually(lambda: status(client) == "ROLLBACK_COMPLETE")


def test_the_signature_in_the_url_admits_no_content_type(client: Any, handle: str) -> None:
    # "Content-Type must be an empty string or omitted": curl needs -H 'Content-Type:'.
    assert signal(handle, "SUCCESS", "application/json") == 403
    assert status(client) == "CREATE_IN_PROGRESS"
    assert signal(handle, "SUCCESS") == 200
    eventually(lambda: status(client) == "CREATE_COMPLETE")


def test_a_url_that_no_stack_has_is_refused(client: Any, handle: str) -> None:
    assert signal(handle[:-4] + "0000", "SUCCESS") in (403, 404)
    assert status(client) == "CREATE_IN_PROGRESS"
    assert signal(handle, "SUCCESS") == 200
    eventually(lambda: status(client) == "CREATE_COMPLETE")
