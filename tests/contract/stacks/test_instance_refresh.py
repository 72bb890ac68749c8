"""A changed launch template under UpdatePolicy AutoScalingInstanceRefresh: there, and back again.

Sources: "UpdatePolicy attribute" (CloudFormation template reference), "Continue rolling back an update" and "Cancel a
stack update" (CloudFormation user guide); StartInstanceRefresh and its kin (EC2 Auto Scaling API reference).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

from localcloud.settings import Settings
from tests.cloud import ACCOUNT, REGION, TOOLS, clean_environment
from tests.contract.control_plane import free_port, serving
from tests.contract.stacks.fleet import MUTE, Template, group, refreshes, template
from tests.waiting import eventually

pytestmark = pytest.mark.usefixtures("alarms")

SCALE = 400
"""The hour that a refresh is patient takes nine seconds."""


@pytest.fixture(scope="module")
def settings(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A test may choose between both readings of what is not documented: whether a rollback looks at alarms."""
    honours = getattr(request, "param", False)
    state_dir = tmp_path_factory.mktemp("refresh")
    return Settings(state_dir, port=free_port(), time_scale=SCALE, rollback_refresh_honours_alarms=honours)


@pytest.fixture(scope="module")
def endpoint(settings: Settings) -> Iterator[str]:
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield endpoint


def fleet(policy: Any = None, **preferences: Any) -> Template:
    """Without a hook, so that instances come up by themselves."""
    body = template(LifecycleHookSpecificationList=[])
    asked = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110, "InstanceWarmup": 20} | preferences
    refresh = {"AutoScalingInstanceRefresh": {"Strategy": "Rolling", "Preferences": asked}}
    body["Resources"]["Group"]["UpdatePolicy"] = refresh if policy is None else policy
    return body


def images(client: Any) -> list[str]:
    return sorted(instance["ImageId"] for instance in group(client)["Instances"])


def serving_images(client: Any) -> list[str]:
    return sorted(i["ImageId"] for i in group(client)["Instances"] if i["LifecycleState"] == "InService")


def reasons(client: Any, status: str) -> list[str]:
    events = client("cloudformation").describe_stack_events(StackName="fleet-stack")["StackEvents"]
    return [event.get("ResourceStatusReason", "") for event in events if event["ResourceStatus"] == status]


def status(client: Any) -> str:
    (found,) = client("cloudformation").describe_stacks(StackName="fleet-stack")["Stacks"]
    return str(found["StackStatus"])


def is_up(client: Any, *expected: str) -> bool:
    return images(client) == serving_images(client) == list(expected)


def test_an_update_waits_for_its_refresh(client: Any, stack: Any) -> None:
    stack(fleet())
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    least: list[int] = []
    result = stack(fleet(), update=True, Image="ami-2", meanwhile=lambda: least.append(len(serving_images(client))))
    assert result["StackStatus"] == "UPDATE_COMPLETE"
    assert images(client) == ["ami-2", "ami-2"]
    assert min(least) >= 2
    (refresh,) = refreshes(client)
    assert (refresh["Status"], refresh["PercentageComplete"], refresh["InstancesToUpdate"]) == ("Successful", 100, 0)
    assert refresh["Preferences"]["SkipMatching"] is True
    causes = [a["Cause"] for a in activities(client) if a["Description"].startswith("Terminating")]
    assert all("in response to an instance refresh" in cause for cause in causes)


def activities(client: Any) -> list[Any]:
    found = client("autoscaling").describe_scaling_activities(AutoScalingGroupName="fleet")
    return list(found["Activities"])


def test_a_change_of_sizes_refreshes_nothing(client: Any, stack: Any) -> None:
    stack(fleet())
    assert stack(fleet(), update=True, MinSize="3")["StackStatus"] == "UPDATE_COMPLETE"
    assert refreshes(client) == []


def test_without_a_policy_the_instances_stay(client: Any, stack: Any) -> None:
    """AWS::AutoScaling::AutoScalingGroup, LaunchTemplate: an update applies to new instances only."""
    stack(fleet(policy={}))
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    assert stack(fleet(policy={}), update=True, Image="ami-2")["StackStatus"] == "UPDATE_COMPLETE"
    assert images(client) == ["ami-1", "ami-1"]
    assert refreshes(client) == []
    client("autoscaling").set_desired_capacity(AutoScalingGroupName="fleet", DesiredCapacity=3)
    eventually(lambda: is_up(client, "ami-1", "ami-1", "ami-2"))


def test_a_release_that_never_answers_is_undone_by_the_stack(client: Any, stack: Any) -> None:
    """ "If an instance refresh fails, CloudFormation rolls back the stack and starts a new instance refresh"."""
    stack(fleet())
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    least: list[int] = []
    result = stack(
        fleet(),
        update=True,
        Image=MUTE,
        meanwhile=lambda: least.append(serving_images(client).count("ami-1")),
    )
    assert result["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert min(least) == 2
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    assert any("nothing could be replaced for 60 minutes" in reason for reason in reasons(client, "UPDATE_FAILED"))
    assert [refresh["Status"] for refresh in refreshes(client)][-1] == "Failed"


@pytest.mark.parametrize("settings", [False, True], ids=["ignored on the way back", "honoured"], indirect=True)
def test_an_alarm_undoes_the_release_at_once_or_when_it_is_ok_again(
    client: Any, stack: Any, alarms: Any, settings: Settings
) -> None:
    """AlarmSpecification: "roll back the stack if an alarm threshold is met"; ContinueUpdateRollback, API."""
    body = fleet(AlarmSpecification={"Alarms": ["errors"]}, BakeTime=3600)
    stack(body)
    eventually(lambda: is_up(client, "ami-1", "ami-1"))

    def fire_while_it_bakes() -> None:
        if any(refresh["Status"] == "Baking" for refresh in refreshes(client)):
            alarms(errors="ALARM")

    result = stack(body, update=True, Image="ami-2", meanwhile=fire_while_it_bakes)
    assert any("CloudWatch alarm errors entered the ALARM state" in r for r in reasons(client, "UPDATE_FAILED"))
    if not settings.rollback_refresh_honours_alarms:
        assert result["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert images(client) == ["ami-1", "ami-1"]
        assert [refresh["Status"] for refresh in refreshes(client)] == ["Successful", "Failed"]
        return
    assert result["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert images(client) == ["ami-2", "ami-2"]
    assert any("alarm errors is in the ALARM state" in reason for reason in reasons(client, "UPDATE_FAILED"))
    alarms(errors="OK")
    client("cloudformation").continue_update_rollback(StackName="fleet-stack")
    eventually(lambda: status(client) == "UPDATE_ROLLBACK_COMPLETE", seconds=30)
    assert images(client) == ["ami-1", "ami-1"]


@pytest.mark.parametrize("settings", [True], ids=["honoured"], indirect=True)
def test_a_refresh_of_ones_own_goes_back_while_the_alarm_rings_and_the_rollback_is_then_finished(
    client: Any, stack: Any, alarms: Any
) -> None:
    """StartInstanceRefresh, API: towards DesiredConfiguration, and without an AlarmSpecification past every alarm."""
    body = fleet(AlarmSpecification={"Alarms": ["errors"]}, BakeTime=3600)
    stack(body)
    eventually(lambda: is_up(client, "ami-1", "ami-1"))

    def fire_while_it_bakes() -> None:
        if any(refresh["Status"] == "Baking" for refresh in refreshes(client)):
            alarms(errors="ALARM")

    result = stack(body, update=True, meanwhile=fire_while_it_bakes, Image="ami-2")
    assert (result["StackStatus"], images(client)) == ("UPDATE_ROLLBACK_FAILED", ["ami-2", "ami-2"])

    template_id = group(client)["LaunchTemplate"]["LaunchTemplateId"]
    client("autoscaling").start_instance_refresh(
        AutoScalingGroupName="fleet",
        DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateId": template_id, "Version": "1"}},
        Preferences={"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110, "SkipMatching": True},
    )
    eventually(lambda: refreshes(client)[0]["Status"] == "Successful", seconds=30)
    assert images(client) == ["ami-1", "ami-1"]
    # Nothing gives it a reason to ring any more.
    alarms(errors="OK")
    number = len(refreshes(client))
    client("cloudformation").continue_update_rollback(StackName="fleet-stack")
    eventually(lambda: status(client) == "UPDATE_ROLLBACK_COMPLETE", seconds=30)
    assert images(client) == ["ami-1", "ami-1"]
    assert len(refreshes(client)) == number, "There was nothing left to replace."


def test_a_rollback_goes_by_the_policy_from_before(client: Any, stack: Any, alarms: Any) -> None:
    """ "When CloudFormation rolls back an update, it uses the UpdatePolicy configuration specified in the template
    before the current stack update": here one without alarms and with another warm-up."""
    stack(fleet(InstanceWarmup=10))
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    body = fleet(AlarmSpecification={"Alarms": ["errors"]}, BakeTime=3600)

    def fire_while_it_bakes() -> None:
        if any(refresh["Status"] == "Baking" for refresh in refreshes(client)):
            alarms(errors="ALARM")

    result = stack(body, update=True, Image="ami-2", meanwhile=fire_while_it_bakes)
    assert result["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    back, there = refreshes(client)
    assert (back["Status"], back["Preferences"]["InstanceWarmup"]) == ("Successful", 10)
    assert (there["Status"], there["Preferences"]["InstanceWarmup"]) == ("Failed", 20)
    assert images(client) == ["ami-1", "ami-1"]


def test_a_cancelled_update_goes_back_and_keeps_what_was_not_replaced(client: Any, stack: Any) -> None:
    """CancelUpdateStack, API: "the stack rolls back the update"; SkipMatching is on."""
    stack(fleet(InstanceWarmup=800))
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    before = {instance["InstanceId"] for instance in group(client)["Instances"]}
    cancelled: list[Any] = []

    def cancel_when_half_is_new() -> None:
        if not cancelled and images(client).count("ami-1") == 1:
            cancelled.append(client("cloudformation").cancel_update_stack(StackName="fleet-stack"))

    result = stack(fleet(InstanceWarmup=800), update=True, Image="ami-2", meanwhile=cancel_when_half_is_new)
    assert result["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    assert before & {instance["InstanceId"] for instance in group(client)["Instances"]}
    assert [refresh["Status"] for refresh in refreshes(client)] == ["Successful", "Cancelled"]


def test_the_policys_functions_are_resolved(client: Any, stack: Any) -> None:
    body = fleet(
        InstanceWarmup={"Ref": "Warmup"},
        BakeTime={"Fn::If": ["HasAlarms", 60, {"Ref": "AWS::NoValue"}]},
        AlarmSpecification={
            "Fn::If": ["HasAlarms", {"Alarms": {"Ref": "Alarms"}}, {"Ref": "AWS::NoValue"}],
        },
    )
    body["Parameters"] |= {
        "Warmup": {"Type": "Number", "Default": 30},
        "Alarms": {"Type": "CommaDelimitedList", "Default": ""},
    }
    body["Conditions"] = {"HasAlarms": {"Fn::Not": [{"Fn::Equals": [{"Fn::Select": [0, {"Ref": "Alarms"}]}, ""]}]}}
    stack(body)
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    assert stack(body, update=True, Image="ami-2")["StackStatus"] == "UPDATE_COMPLETE"
    assert stack(body, update=True, Image="ami-3", Alarms="errors")["StackStatus"] == "UPDATE_COMPLETE"
    gated, plain = (refresh["Preferences"] for refresh in refreshes(client))
    assert (plain["InstanceWarmup"], plain["BakeTime"], plain.get("AlarmSpecification")) == (30, 0, None)
    assert (gated["BakeTime"], gated["AlarmSpecification"]) == (60, {"Alarms": ["errors"]})


def test_an_empty_list_of_alarms_is_none(client: Any, stack: Any) -> None:
    body = fleet(AlarmSpecification={"Alarms": {"Ref": "Alarms"}})
    body["Parameters"]["Alarms"] = {"Type": "CommaDelimitedList", "Default": ""}
    stack(body)
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    assert stack(body, update=True, Image="ami-2")["StackStatus"] == "UPDATE_COMPLETE"


def test_percentages_left_out_are_the_maintenance_policys(client: Any, stack: Any) -> None:
    """MinHealthyPercentage: "The value set in the Auto Scaling group's instance maintenance policy, if defined"."""
    body = fleet(policy={"AutoScalingInstanceRefresh": {"Strategy": "Rolling"}})
    body["Resources"]["Group"]["Properties"] |= {
        "DefaultInstanceWarmup": 0,
        "InstanceMaintenancePolicy": {"MinHealthyPercentage": 50, "MaxHealthyPercentage": 100},
    }
    stack(body)
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    assert stack(body, update=True, Image="ami-2")["StackStatus"] == "UPDATE_COMPLETE"
    asked = refreshes(client)[0]["Preferences"]
    assert (asked["MinHealthyPercentage"], asked["MaxHealthyPercentage"]) == (50, 100)


def test_a_refresh_under_way_stands_in_the_way_of_an_update(client: Any, stack: Any) -> None:
    """ "An Auto Scaling group can run only one instance refresh at a time. … the stack update may fail." """
    stack(fleet())
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    autoscaling = client("autoscaling")
    asked = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110, "InstanceWarmup": 4000}
    autoscaling.start_instance_refresh(AutoScalingGroupName="fleet", Preferences=asked)
    with pytest.raises(autoscaling.exceptions.InstanceRefreshInProgressFault):
        autoscaling.start_instance_refresh(AutoScalingGroupName="fleet")
    result = stack(fleet(), update=True, Image="ami-2")
    assert result["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("An Instance Refresh is already in progress" in reason for reason in reasons(client, "UPDATE_FAILED"))
    autoscaling.cancel_instance_refresh(AutoScalingGroupName="fleet", WaitForTransitioningInstances=False)
    with pytest.raises(autoscaling.exceptions.ActiveInstanceRefreshNotFoundFault):
        autoscaling.cancel_instance_refresh(AutoScalingGroupName="fleet")
    with pytest.raises(autoscaling.exceptions.ActiveInstanceRefreshNotFoundFault):
        autoscaling.rollback_instance_refresh(AutoScalingGroupName="fleet")


def test_a_refresh_without_a_desired_configuration_cannot_be_rolled_back(client: Any, stack: Any) -> None:
    """ "You can't use the Auto Scaling RollbackInstanceRefresh API operation on an instance refresh that CloudFormation
    has already started." """
    stack(fleet(InstanceWarmup=1000))
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    autoscaling = client("autoscaling")
    refused: list[str] = []

    def try_to_roll_back() -> None:
        if refreshes(client) and not refused:
            with pytest.raises(ClientError) as error:
                autoscaling.rollback_instance_refresh(AutoScalingGroupName="fleet")
            refused.append(error.value.response["Error"]["Code"])

    result = stack(fleet(InstanceWarmup=1000), update=True, Image="ami-2", meanwhile=try_to_roll_back)
    assert result["StackStatus"] == "UPDATE_COMPLETE"
    assert refused == ["IrreversibleInstanceRefresh"]


def test_a_refresh_that_is_cancelled_by_hand_fails_the_update(client: Any, stack: Any) -> None:
    """ "To revert a refresh, use the CancelInstanceRefresh API or roll back the stack update." """
    stack(fleet(InstanceWarmup=1000))
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    cancelled: list[Any] = []

    def cancel() -> None:
        if refreshes(client) and not cancelled:
            cancelled.append(client("autoscaling").cancel_instance_refresh(AutoScalingGroupName="fleet"))

    result = stack(fleet(InstanceWarmup=1000), update=True, Image="ami-2", meanwhile=cancel)
    assert result["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    eventually(lambda: is_up(client, "ami-1", "ami-1"))
    assert any("Cancelled due to user request" in reason for reason in reasons(client, "UPDATE_FAILED"))


def test_the_collections_module_starts_and_cancels_one(client: Any, stack: Any, endpoint: str) -> None:
    """amazon.aws.autoscaling_instance_refresh, as anybody would call it."""
    stack(fleet())
    eventually(lambda: is_up(client, "ami-1", "ami-1"))

    def module(which: str, **arguments: Any) -> None:
        access = {"endpoint_url": endpoint, "access_key": ACCOUNT, "secret_key": "local", "region": REGION}
        command = [
            str(TOOLS / "ansible"),
            "localhost",
            "-m",
            f"amazon.aws.{which}",
            "-a",
            json.dumps(arguments | access),
        ]
        environment = clean_environment() | {"ANSIBLE_PYTHON_INTERPRETER": sys.executable}
        outcome = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr

    asked = {"min_healthy_percentage": 50, "instance_warmup": 4000, "skip_matching": False}
    module("autoscaling_instance_refresh", name="fleet", state="started", preferences=asked)
    (refresh,) = refreshes(client)
    assert (refresh["Status"], refresh["Preferences"]["MinHealthyPercentage"]) == ("InProgress", 50)
    # Left out by the module, which does not know it: the maintenance policy's.
    assert refresh["Preferences"]["MaxHealthyPercentage"] == 110
    module("autoscaling_instance_refresh", name="fleet", state="cancelled")
    eventually(lambda: refreshes(client)[0]["Status"] == "Cancelled")
    module("autoscaling_instance_refresh_info", name="fleet")
