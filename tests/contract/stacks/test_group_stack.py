"""A group in a stack, from creation to deletion, through the AWS API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

from tests.contract.stacks.fleet import group, in_service, refreshes, template
from tests.waiting import eventually


def test_create_complete_means_launched_and_the_hook_decides_about_in_service(client: Any, stack: Any) -> None:
    """CloudFormation template reference, AWS::AutoScaling::AutoScalingGroup; user guide, "lifecycle hooks"."""
    assert stack(template())["StackStatus"] == "CREATE_COMPLETE"
    created = group(client)
    assert [i["LifecycleState"] for i in created["Instances"]] == ["Pending:Wait"] * 2
    assert {i["AvailabilityZone"] for i in created["Instances"]} == {"us-east-1a", "us-east-1b"}
    assert created["DesiredCapacity"] == 2
    eventually(lambda: in_service(client, 2))


def test_sizes_are_updated_in_place(client: Any, stack: Any) -> None:
    """Template reference: MinSize, "Update requires: No interruption"."""
    stack(template())
    assert stack(template(), update=True, MinSize="3")["StackStatus"] == "UPDATE_COMPLETE"
    eventually(lambda: in_service(client, 3))


def test_an_update_that_may_not_start_its_refresh_leaves_the_group_as_it_is(client: Any, stack: Any) -> None:
    """AlarmSpecification, API reference: an alarm that does not exist is an error."""
    body = template()
    stack(body)
    eventually(lambda: in_service(client, 2))
    before = group(client)
    policy = body["Resources"]["Group"]["UpdatePolicy"]["AutoScalingInstanceRefresh"]
    policy["Preferences"] = {"AlarmSpecification": {"Alarms": ["gone"]}}
    result = stack(body, update=True, Image="ami-2")
    assert result["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    events = client("cloudformation").describe_stack_events(StackName="fleet-stack")["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events if event["ResourceStatus"] == "UPDATE_FAILED"]
    assert any("The CloudWatch alarm gone does not exist" in reason for reason in reasons), reasons
    assert group(client)["Instances"] == before["Instances"]
    assert refreshes(client) == []
    # Afterwards the stack can be updated as before.
    assert stack(template(), update=True, MinSize="3")["StackStatus"] == "UPDATE_COMPLETE"


def test_deleting_the_stack_waits_until_every_instance_is_gone(client: Any, stack: Any) -> None:
    stack(template())
    eventually(lambda: in_service(client, 2))
    api = client("cloudformation")
    api.delete_stack(StackName="fleet-stack")
    api.get_waiter("stack_delete_complete").wait(StackName="fleet-stack", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    assert group(client) is None
    history = client("autoscaling").describe_scaling_activities(IncludeDeletedGroups=True)["Activities"]
    assert len([a for a in history if a["Description"].startswith("Terminating EC2 instance")]) >= 2
    assert all(a["StatusCode"] in ("Successful", "Cancelled") for a in history)


def test_a_group_whose_instances_ec2_refuses_fails_with_ec2s_reason_and_leaves_nothing(client: Any, stack: Any) -> None:
    assert stack(template(), Image="ami-gone")["StackStatus"] == "ROLLBACK_COMPLETE"
    events = client("cloudformation").describe_stack_events(StackName="fleet-stack")["StackEvents"]
    reasons = [event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert len(reasons) == 1
    assert "Group did not stabilize. {current/minimum/desired} group size = {0/2/2}." in reasons[0]
    assert "The image id '[ami-gone]' does not exist. Launching EC2 instance failed." in reasons[0]
    eventually(lambda: group(client) is None)


def test_what_would_be_ignored_is_refused_before_anything_is_created(client: Any) -> None:
    api = client("cloudformation")
    with pytest.raises(ClientError, match="localcloud does not support the property CapacityRebalance"):
        api.create_stack(StackName="refused", TemplateBody=json.dumps(template(CapacityRebalance=True)))
    with pytest.raises(ClientError, match="does not exist"):
        api.describe_stacks(StackName="refused")


def test_an_unknown_parameter_is_taken_by_nobody(client: Any, stack: Any) -> None:
    api = client("autoscaling")
    with pytest.raises(ClientError, match="localcloud does not support autoscaling:EnterStandby yet"):
        api.enter_standby(AutoScalingGroupName="fleet", ShouldDecrementDesiredCapacity=True)
    with pytest.raises(ClientError, match="localcloud does not support CapacityRebalance"):
        api.create_auto_scaling_group(AutoScalingGroupName="x", MinSize=1, MaxSize=1, CapacityRebalance=True)


def test_a_role_may_complete_the_hook_of_its_own_group_and_nothing_else(client: Any, stack: Any) -> None:
    """Service authorization reference, EC2 Auto Scaling: CompleteLifecycleAction on autoScalingGroup."""
    iam, sts = client("iam"), client("sts")
    iam.create_role(
        RoleName="machine",
        AssumeRolePolicyDocument=json.dumps(_policy("sts:AssumeRole", Principal={"AWS": "*"})),
    )
    arn = "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:*:autoScalingGroupName/fleet"
    iam.put_role_policy(
        RoleName="machine",
        PolicyName="boot",
        PolicyDocument=json.dumps(_policy("autoscaling:CompleteLifecycleAction", Resource=arn)),
    )
    role = "arn:aws:iam::000000000000:role/machine"
    given = sts.assume_role(RoleArn=role, RoleSessionName="i-1")["Credentials"]
    machine = client("autoscaling", given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    stack(template())
    instance = group(client)["Instances"][0]["InstanceId"]
    machine.complete_lifecycle_action(
        AutoScalingGroupName="fleet", LifecycleHookName="launch", InstanceId=instance, LifecycleActionResult="CONTINUE"
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        machine.set_desired_capacity(AutoScalingGroupName="fleet", DesiredCapacity=1)
    with pytest.raises(ClientError, match="AccessDenied"):
        machine.complete_lifecycle_action(
            AutoScalingGroupName="other",
            LifecycleHookName="launch",
            InstanceId=instance,
            LifecycleActionResult="CONTINUE",
        )


def _policy(action: str, **rest: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **rest}]}
