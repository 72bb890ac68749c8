"""A target tracking policy in a stack, and through the API.

Sources: CloudFormation template reference, AWS::AutoScaling::ScalingPolicy; API reference, PutScalingPolicy,
DescribePolicies, DeletePolicy, ExecutePolicy (EC2 Auto Scaling).
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

from tests.contract.stacks.fleet import Template, in_service, template
from tests.waiting import eventually

CPU = {"PredefinedMetricType": "ASGAverageCPUUtilization"}
NEVER = {"Fn::Equals": ["yes", "no"]}


def scaled(target: float = 50, **properties: Any) -> Template:
    body = template()
    configuration = {"PredefinedMetricSpecification": CPU, "TargetValue": target}
    body["Resources"]["Policy"] = {
        "Type": "AWS::AutoScaling::ScalingPolicy",
        "Properties": {
            "AutoScalingGroupName": {"Ref": "Group"},
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingConfiguration": configuration,
            **properties,
        },
    }
    body["Outputs"] |= {
        "Policy": {"Value": {"Ref": "Policy"}},
        "Arn": {"Value": {"Fn::GetAtt": ["Policy", "Arn"]}},
        "Name": {"Value": {"Fn::GetAtt": ["Policy", "PolicyName"]}},
    }
    return body


def policies(client: Any) -> list[Any]:
    return list(client("autoscaling").describe_policies()["ScalingPolicies"])


def test_a_policy_comes_with_its_alarms_and_ref_is_its_arn(client: Any, stack: Any) -> None:
    created = stack(scaled(EstimatedInstanceWarmup="180"))
    assert created["StackStatus"] == "CREATE_COMPLETE"
    outputs = {output["OutputKey"]: output["OutputValue"] for output in created["Outputs"]}
    (policy,) = policies(client)
    assert outputs["Policy"] == outputs["Arn"] == policy["PolicyARN"]
    assert outputs["Name"] == policy["PolicyName"]
    assert re.fullmatch(
        r"arn:aws:autoscaling:us-east-1:000000000000:scalingPolicy:[0-9a-f-]{36}:autoScalingGroupName/fleet:"
        r"policyName/fleet-stack-Policy-\w+",
        policy["PolicyARN"],
    )
    assert (policy["PolicyType"], policy["Enabled"]) == ("TargetTrackingScaling", True)
    assert policy["EstimatedInstanceWarmup"] == 180
    expected = {"PredefinedMetricSpecification": CPU, "TargetValue": 50.0, "DisableScaleIn": False}
    assert policy["TargetTrackingConfiguration"] == expected
    high, low = (alarm["AlarmName"] for alarm in policy["Alarms"])
    assert high.startswith("TargetTracking-fleet-AlarmHigh-")
    assert low.startswith("TargetTracking-fleet-AlarmLow-")
    assert all(alarm["AlarmARN"].endswith(f":alarm:{alarm['AlarmName']}") for alarm in policy["Alarms"])


def test_the_target_is_changed_in_place(client: Any, stack: Any) -> None:
    stack(scaled())
    (before,) = policies(client)
    assert stack(scaled(target=60), update=True)["StackStatus"] == "UPDATE_COMPLETE"
    (after,) = policies(client)
    assert after["TargetTrackingConfiguration"]["TargetValue"] == 60
    assert (after["PolicyARN"], after["Alarms"]) == (before["PolicyARN"], before["Alarms"])


def test_a_failed_update_brings_the_old_target_back(client: Any, stack: Any) -> None:
    stack(scaled())
    before = policies(client)
    body = scaled(target=60)
    body["Resources"]["Last"] = {
        "Type": "AWS::AutoScaling::ScalingPolicy",
        "DependsOn": "Policy",
        "Properties": {**body["Resources"]["Policy"]["Properties"], "PolicyType": "TargetTrackingScaling"},
    }
    # The second policy for the same metric is refused.
    assert stack(body, update=True)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert policies(client) == before


def test_another_group_means_another_policy(client: Any, stack: Any) -> None:
    """Template reference: AutoScalingGroupName, "Update requires: Replacement"."""
    stack(scaled())
    (before,) = policies(client)
    body = scaled(AutoScalingGroupName={"Ref": "Other"})
    other = body["Resources"]["Group"]
    body["Resources"]["Other"] = other | {"Properties": other["Properties"] | {"AutoScalingGroupName": "other"}}
    assert stack(body, update=True)["StackStatus"] == "UPDATE_COMPLETE"
    (after,) = policies(client)
    assert after["AutoScalingGroupName"] == "other"
    assert after["PolicyARN"] != before["PolicyARN"]


def test_a_condition_takes_the_policy_away_and_leaves_the_group(client: Any, stack: Any) -> None:
    stack(scaled())
    body = scaled()
    body["Conditions"] = {"Scaled": NEVER}
    body["Resources"]["Policy"]["Condition"] = "Scaled"
    body["Outputs"] = {}
    assert stack(body, update=True)["StackStatus"] == "UPDATE_COMPLETE"
    assert policies(client) == []
    eventually(lambda: in_service(client, 2))


def test_the_stack_takes_its_policy_along(client: Any, stack: Any) -> None:
    stack(scaled())
    eventually(lambda: in_service(client, 2))
    api = client("cloudformation")
    api.delete_stack(StackName="fleet-stack")
    api.get_waiter("stack_delete_complete").wait(StackName="fleet-stack", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    assert policies(client) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"PolicyType": "StepScaling"}, "localcloud does not support the policy type StepScaling yet"),
        ({"TargetTrackingConfiguration": {"TargetValue": 5}}, "needs TargetValue and PredefinedMetricSpecification"),
        (
            {
                "TargetTrackingConfiguration": {
                    "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageNetworkIn"},
                    "TargetValue": 5,
                }
            },
            "localcloud does not support the metric ASGAverageNetworkIn yet",
        ),
    ],
)
def test_a_policy_that_would_not_scale_fails_the_stack(client: Any, stack: Any, change: Any, sentence: str) -> None:
    assert stack(scaled(**change))["StackStatus"] == "ROLLBACK_COMPLETE"
    events = client("cloudformation").describe_stack_events(StackName="fleet-stack")["StackEvents"]
    reasons = [event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"]
    assert any(sentence in reason for reason in reasons), reasons


def test_a_policy_through_the_api(client: Any, stack: Any) -> None:
    stack(template())
    api = client("autoscaling")
    named = {"AutoScalingGroupName": "fleet", "PolicyName": "cpu"}
    configuration = {"PredefinedMetricSpecification": CPU, "TargetValue": 40.0, "DisableScaleIn": True}
    given = {**named, "PolicyType": "TargetTrackingScaling", "TargetTrackingConfiguration": configuration}
    made = api.put_scaling_policy(**given, EstimatedInstanceWarmup=90, Enabled=False)
    (found,) = api.describe_policies(AutoScalingGroupName="fleet", PolicyNames=[made["PolicyARN"]])["ScalingPolicies"]
    assert (found["PolicyName"], found["EstimatedInstanceWarmup"], found["Enabled"]) == ("cpu", 90, False)
    assert found["TargetTrackingConfiguration"] == configuration
    assert found["Alarms"] == made["Alarms"]
    assert len(made["Alarms"]) == 1
    assert api.describe_policies(PolicyTypes=["StepScaling"])["ScalingPolicies"] == []
    with pytest.raises(ClientError, match="ExecutePolicy is not supported"):
        api.execute_policy(**named)
    api.delete_policy(**named)
    assert policies(client) == []
    with pytest.raises(ClientError, match="No policy found with name: cpu"):
        api.delete_policy(**named)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"PolicyType": "SimpleScaling"}, "does not support the policy type SimpleScaling"),
        ({"PolicyType": "StepScaling"}, "does not support the policy type StepScaling"),
        ({"Cooldown": 60}, "does not support Cooldown of a scaling policy"),
        (
            {
                "TargetTrackingConfiguration": {
                    "TargetValue": 5.0,
                    "CustomizedMetricSpecification": {
                        "MetricName": "m",
                        "Namespace": "n",
                        "Statistic": "Average",
                    },
                }
            },
            "does not support CustomizedMetricSpecification of TargetTrackingConfiguration",
        ),
    ],
)
def test_what_would_be_ignored_is_refused_by_name(client: Any, stack: Any, change: Any, sentence: str) -> None:
    stack(template())
    given = {
        "AutoScalingGroupName": "fleet",
        "PolicyName": "refused",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingConfiguration": {"PredefinedMetricSpecification": CPU, "TargetValue": 40.0},
    }
    with pytest.raises(ClientError, match=f"localcloud {sentence}"):
        client("autoscaling").put_scaling_policy(**given | change)
    assert policies(client) == []
