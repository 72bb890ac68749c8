"""Alarms that roll a stack back: "Roll back your CloudFormation stack on alarm breach with rollback triggers" (user
guide); RollbackConfiguration and RollbackTrigger (CloudFormation API reference).
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

from localcloud.settings import Settings
from tests.cloud import ACCOUNT, REGION
from tests.contract.control_plane import free_port, serving
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("alarms")

SCALE = 60
"""A minute takes a second."""
STACK = "watched"
EMPTY: dict[str, Any] = {"RollbackTriggers": [], "MonitoringTimeInMinutes": 0}


def trigger(name: str = "errors") -> dict[str, str]:
    return {"Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}", "Type": "AWS::CloudWatch::Alarm"}


def watched(minutes: int, *names: str) -> dict[str, Any]:
    return {"RollbackTriggers": [trigger(name) for name in names or ("errors",)], "MonitoringTimeInMinutes": minutes}


def template(title: str = "one", *, old: bool = True) -> str:
    """`old`: whether the resource is there that a later template takes out."""
    resources: dict[str, Any] = {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": title}}}
    if old:
        resources["Old"] = {"Type": "AWS::SNS::Topic"}
    return json.dumps({"Resources": resources, "Outputs": {"Topic": {"Value": {"Ref": "Topic"}}}})


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(tmp_path_factory.mktemp("triggers"), port=free_port(), time_scale=SCALE)


@pytest.fixture(scope="module")
def endpoint(settings: Settings) -> Iterator[str]:
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield endpoint


@pytest.fixture
def api(client: Any) -> Iterator[Any]:
    api = client("cloudformation")
    yield api
    if described(api) is not None:
        api.delete_stack(StackName=STACK)
        eventually(lambda: described(api) is None)


def described(api: Any) -> Any:
    try:
        (found,) = api.describe_stacks(StackName=STACK)["Stacks"]
    except ClientError:
        return None
    return found


def settled(api: Any) -> str:
    def final() -> str | None:
        status = str(described(api)["StackStatus"])
        return None if status.endswith("IN_PROGRESS") else status

    return str(eventually(final))


def events(api: Any) -> list[tuple[str, str, str]]:
    """(logical id, status, reason), oldest first."""
    found = api.describe_stack_events(StackName=STACK)["StackEvents"]
    return [(one["LogicalResourceId"], one["ResourceStatus"], one.get("ResourceStatusReason", "")) for one in found][
        ::-1
    ]


def logical_ids(api: Any) -> set[str]:
    return {one["LogicalResourceId"] for one in api.list_stack_resources(StackName=STACK)["StackResourceSummaries"]}


def test_they_stay_with_the_stack_until_others_are_given(api: Any) -> None:
    api.create_stack(StackName=STACK, TemplateBody=template(), RollbackConfiguration=watched(1))
    assert settled(api) == "CREATE_COMPLETE"
    assert described(api)["RollbackConfiguration"] == watched(1)
    api.update_stack(StackName=STACK, TemplateBody=template("two"))
    assert settled(api) == "UPDATE_COMPLETE"
    assert described(api)["RollbackConfiguration"] == watched(1)
    api.update_stack(StackName=STACK, TemplateBody=template("three"), RollbackConfiguration=EMPTY)
    assert settled(api) == "UPDATE_COMPLETE"
    assert described(api)["RollbackConfiguration"] == EMPTY


def test_a_change_set_brings_them_to_the_stack_when_it_is_executed(api: Any) -> None:
    api.create_stack(StackName=STACK, TemplateBody=template())
    assert settled(api) == "CREATE_COMPLETE"
    assert described(api)["RollbackConfiguration"] == {}
    name = f"change-{uuid.uuid4()}"
    api.create_change_set(
        StackName=STACK, ChangeSetName=name, TemplateBody=template("two"), RollbackConfiguration=watched(1)
    )
    assert api.describe_change_set(StackName=STACK, ChangeSetName=name)["RollbackConfiguration"] == watched(1)
    assert described(api)["RollbackConfiguration"] == {}
    api.execute_change_set(StackName=STACK, ChangeSetName=name)
    assert settled(api) == "UPDATE_COMPLETE"
    assert described(api)["RollbackConfiguration"] == watched(1)


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        (watched(0, "a", "b", "c", "d", "e", "f"), "length less than or equal to 5"),
        (watched(181), "180"),
        ({"RollbackTriggers": [{**trigger(), "Type": "AWS::SNS::Topic"}]}, "AWS::SNS::Topic"),
    ],
    ids=["six triggers", "more than three hours", "no alarm"],
)
def test_what_it_cannot_be_is_refused(client: Any, configuration: Any, told: str) -> None:
    with pytest.raises(ClientError, match=told):
        client("cloudformation").create_stack(
            StackName=STACK, TemplateBody=template(), RollbackConfiguration=configuration
        )


def test_one_that_does_not_exist_fails_the_operation(api: Any) -> None:
    api.create_stack(StackName=STACK, TemplateBody=template(), RollbackConfiguration=watched(0, "nowhere"))
    assert settled(api) == "ROLLBACK_COMPLETE"
    (reason,) = [why for _, status, why in events(api) if status == "ROLLBACK_IN_PROGRESS"]
    assert "alarm:nowhere does not exist" in reason


def test_an_alarm_in_the_monitoring_time_rolls_a_create_back(api: Any, alarms: Any) -> None:
    api.create_stack(StackName=STACK, TemplateBody=template(), RollbackConfiguration=watched(180))
    eventually(lambda: {"Topic", "Old"} <= {one for one, status, _ in events(api) if status == "CREATE_COMPLETE"})
    assert described(api)["StackStatus"] == "CREATE_IN_PROGRESS"
    assert logical_ids(api) == {"Topic", "Old"}
    alarms(errors="INSUFFICIENT_DATA")
    time.sleep(0.5)
    assert described(api)["StackStatus"] == "CREATE_IN_PROGRESS"
    alarms(errors="ALARM")
    assert settled(api) == "ROLLBACK_COMPLETE"
    (reason,) = [why for _, status, why in events(api) if status == "ROLLBACK_IN_PROGRESS"]
    assert "alarm:errors is in ALARM state" in reason
    assert {one for one, *_ in events(api)} == {STACK, "Topic", "Old"}


def test_an_alarm_in_the_monitoring_time_brings_everything_back(api: Any, client: Any, alarms: Any) -> None:
    api.create_stack(StackName=STACK, TemplateBody=template())
    assert settled(api) == "CREATE_COMPLETE"
    topics = {topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]}
    api.update_stack(
        StackName=STACK, TemplateBody=template("two", old=False), RollbackConfiguration=watched(180),
        ClientRequestToken="the-update",
    )  # fmt: skip
    eventually(lambda: ("Topic", "UPDATE_COMPLETE", "") in events(api))
    # What the new template does not have is only disposed of after the monitoring time.
    assert {topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]} == topics
    alarms(errors="ALARM")
    assert settled(api) == "UPDATE_ROLLBACK_COMPLETE"
    assert {topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]} == topics
    assert logical_ids(api) == {"Topic", "Old"}
    (arn,) = [output["OutputValue"] for output in described(api)["Outputs"]]
    assert client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "one"
    found = api.describe_stack_events(StackName=STACK)["StackEvents"]
    (back,) = [one for one in found if one["ResourceStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert "alarm:errors is in ALARM state" in back["ResourceStatusReason"]
    assert back["ClientRequestToken"] == "the-update"
    # The next one finds nothing left over of it.
    alarms(errors="OK")
    api.update_stack(StackName=STACK, TemplateBody=template("three", old=False), RollbackConfiguration=watched(1))
    assert settled(api) == "UPDATE_COMPLETE"
    assert logical_ids(api) == {"Topic"}
    assert api.get_template(StackName=STACK)["TemplateBody"]["Resources"].keys() == {"Topic"}


def test_an_alarm_that_fires_already_lets_nothing_be_changed(api: Any, client: Any, alarms: Any) -> None:
    api.create_stack(StackName=STACK, TemplateBody=template())
    assert settled(api) == "CREATE_COMPLETE"
    alarms(errors="ALARM")
    api.update_stack(StackName=STACK, TemplateBody=template("two"), RollbackConfiguration=watched(0))
    assert settled(api) == "UPDATE_ROLLBACK_COMPLETE"
    assert ("Old", "UPDATE_FAILED", "Resource update cancelled") in events(api)
    (arn,) = [output["OutputValue"] for output in described(api)["Outputs"]]
    assert client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]["DisplayName"] == "one"


def test_the_monitoring_time_alone_delays_and_can_be_cancelled(api: Any) -> None:
    api.create_stack(StackName=STACK, TemplateBody=template())
    assert settled(api) == "CREATE_COMPLETE"
    monitoring = {"RollbackTriggers": [], "MonitoringTimeInMinutes": 180}
    api.update_stack(StackName=STACK, TemplateBody=template("two"), RollbackConfiguration=monitoring)
    eventually(lambda: ("Topic", "UPDATE_COMPLETE", "") in events(api))
    assert described(api)["StackStatus"] == "UPDATE_IN_PROGRESS"
    api.cancel_update_stack(StackName=STACK)
    assert settled(api) == "UPDATE_ROLLBACK_COMPLETE"
    (reason,) = [why for _, status, why in events(api) if status == "UPDATE_ROLLBACK_IN_PROGRESS"]
    assert reason == "User Initiated"
