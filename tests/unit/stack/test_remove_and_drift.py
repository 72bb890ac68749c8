"""state=absent and state=drift_detected."""

from __future__ import annotations

import pytest
from cloudformation_stack import drift, remove
from cloudformation_stack.errors import StackError
from fake_cloudformation import FakeCloudFormation, context, whole

FAILED = whole("DELETE_IN_PROGRESS", ("Repository", "DELETE_FAILED", "not empty"), end="DELETE_FAILED")


def there(status: str = "CREATE_COMPLETE", protected: bool = False) -> FakeCloudFormation:
    cloud = FakeCloudFormation()
    cloud.have(status, EnableTerminationProtection=protected)
    cloud.script = {"DELETE": [whole("DELETE_IN_PROGRESS")]}
    return cloud


def test_nothing_there_is_ok() -> None:
    assert remove.absent(context(FakeCloudFormation(), state="absent")[0])["changed"] is False


def test_deletes_and_waits() -> None:
    cloud = there()
    ctx, said = context(cloud, state="absent")
    assert remove.absent(ctx)["changed"] is True
    assert said[-1].startswith("demo: DELETE_COMPLETE after")


def test_protection_holds_unless_lifted() -> None:
    with pytest.raises(StackError, match="termination_protection: false"):
        remove.absent(context(there(protected=True), state="absent")[0])
    cloud = there(protected=True)
    remove.absent(context(cloud, state="absent", termination_protection=False)[0])
    assert cloud.names().index("update_termination_protection") < cloud.names().index("delete_stack")


def test_check_deletes_nothing() -> None:
    cloud = there()
    assert remove.absent(context(cloud, state="absent", check=True)[0])["changed"] is True
    assert cloud.names() == ["describe_stacks"]


def test_a_failed_deletion_is_tried_again() -> None:
    cloud = there("DELETE_FAILED")
    cloud.script = {"DELETE": [FAILED, whole("DELETE_IN_PROGRESS")]}
    assert remove.absent(context(cloud, state="absent")[0])["changed"] is True


def test_a_deletion_that_fails_twice_gives_the_command() -> None:
    cloud = there()
    cloud.script = {"DELETE": [list(FAILED), list(FAILED)]}
    with pytest.raises(StackError, match=r"Repository.*not empty.*Empty or release Repository.*FORCE_DELETE_STACK"):
        remove.absent(context(cloud, state="absent")[0])


def test_the_command_comes_with_the_variable_that_does_the_same() -> None:
    cloud = there()
    cloud.script = {"DELETE": [list(FAILED), list(FAILED)]}
    with pytest.raises(StackError, match=r"leave those resources behind: my_variable: true, or by hand"):
        remove.absent(context(cloud, state="absent", variables={"force_delete": "my_variable"})[0])


def test_force_delete_is_used_only_after_failure() -> None:
    cloud = there()
    cloud.script = {"DELETE": [list(FAILED), list(FAILED), whole("DELETE_IN_PROGRESS")]}
    remove.absent(context(cloud, state="absent", force_delete=True)[0])
    modes = [arguments.get("DeletionMode") for name, arguments in cloud.calls if name == "delete_stack"]
    assert modes == [None, None, "FORCE_DELETE_STACK"]


def test_a_deletion_that_is_running_is_awaited() -> None:
    cloud = there()
    cloud.begin("DELETE", "somebody")
    result = remove.absent(context(cloud, state="absent")[0])
    assert result["changed"] is True
    assert "delete_stack" not in cloud.names()


def test_drift_property_by_property() -> None:
    cloud = there()
    cloud.drifts = [
        {
            "LogicalResourceId": "Group",
            "ResourceType": "AWS::AutoScaling::AutoScalingGroup",
            "StackResourceDriftStatus": "MODIFIED",
            "PropertyDifferences": [
                {"PropertyPath": "/MaxSize", "ExpectedValue": "4", "ActualValue": "9", "DifferenceType": "NOT_EQUAL"}
            ],
        },
        {"LogicalResourceId": "Odd", "ResourceType": "X", "StackResourceDriftStatus": "NOT_CHECKED"},
        {"LogicalResourceId": "Fine", "ResourceType": "X", "StackResourceDriftStatus": "IN_SYNC"},
    ]
    result = drift.detected(context(cloud, state="drift_detected", check=True)[0])
    assert result["drifted"] is True
    assert result["changed"] is False
    assert "      MaxSize: template 4 → found 9" in result["drift_text"]
    assert [item["logical_id"] for item in result["drift"]] == ["Group", "Odd"]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("", "demo does not exist"),
        ("CREATE_IN_PROGRESS", "demo is CREATE_IN_PROGRESS: drift can be told when that has ended"),
        ("UPDATE_IN_PROGRESS", "demo is UPDATE_IN_PROGRESS: drift can be told when that has ended"),
        ("REVIEW_IN_PROGRESS", "demo is REVIEW_IN_PROGRESS: drift can be told when the next run has repaired it"),
        ("ROLLBACK_COMPLETE", "demo is ROLLBACK_COMPLETE: drift can be told when the next run has repaired it"),
        ("DELETE_FAILED", "demo is DELETE_FAILED: drift can be told when the next run has repaired it"),
    ],
)
def test_of_a_stack_that_cannot_be_compared_it_is_said_why(status: str, sentence: str) -> None:
    cloud = there(status) if status else FakeCloudFormation()
    ctx, said = context(cloud, state="drift_detected", check=True)
    result = drift.detected(ctx)
    assert (result["drifted"], result["drift"], result["drift_text"]) == (False, [], [sentence])
    assert said == [sentence]
    assert cloud.names() == ["describe_stacks"]


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"])
def test_a_stack_that_went_back_is_compared(status: str) -> None:
    ctx, said = context(there(status), state="drift_detected")
    drift.detected(ctx)
    assert said == ["demo: no drift"]


def test_no_drift_is_said() -> None:
    ctx, said = context(there(), state="drift_detected")
    assert drift.detected(ctx)["drifted"] is False
    assert said == ["demo: no drift"]
