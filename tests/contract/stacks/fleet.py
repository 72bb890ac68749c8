"""A stack with a group in it, and questions about that group."""

from __future__ import annotations

from typing import Any

Template = dict[str, Any]

MUTE = "ami-mute"
"""An image whose instances never answer their load balancer."""

ALARMS = "alarms.json"
"""In the state directory: name → state. Without the file there is no alarm."""


def template(**changes: Any) -> Template:
    group: dict[str, Any] = {
        "AutoScalingGroupName": "fleet",
        "MinSize": {"Ref": "MinSize"},
        "MaxSize": "4",
        "VPCZoneIdentifier": [{"Ref": "SubnetA"}, {"Ref": "SubnetB"}],
        "LaunchTemplate": {
            "LaunchTemplateId": {"Ref": "LaunchTemplate"},
            "Version": {"Fn::GetAtt": ["LaunchTemplate", "LatestVersionNumber"]},
        },
        "TargetGroupARNs": ["arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/t/1"],
        "HealthCheckType": "ELB",
        "HealthCheckGracePeriod": 30,
        "InstanceMaintenancePolicy": {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 110},
        "LifecycleHookSpecificationList": [
            {
                "LifecycleHookName": "launch",
                "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
                "HeartbeatTimeout": 300,
                "DefaultResult": "ABANDON",
            }
        ],
        "Tags": [{"Key": "Name", "Value": "fleet", "PropagateAtLaunch": True}],
    }
    group.update(changes)
    subnet = {"Type": "AWS::EC2::Subnet"}
    return {
        "Parameters": {"MinSize": {"Type": "Number", "Default": 2}, "Image": {"Type": "String", "Default": "ami-1"}},
        "Resources": {
            "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "SubnetA": subnet | {"Properties": _subnet("10.0.0.0/24", "us-east-1a")},
            "SubnetB": subnet | {"Properties": _subnet("10.0.1.0/24", "us-east-1b")},
            "LaunchTemplate": {
                "Type": "AWS::EC2::LaunchTemplate",
                "Properties": {"LaunchTemplateData": {"ImageId": {"Ref": "Image"}, "InstanceType": "t3.micro"}},
            },
            "Group": {
                "Type": "AWS::AutoScaling::AutoScalingGroup",
                "Properties": group,
                "UpdatePolicy": {"AutoScalingInstanceRefresh": {"Strategy": "Rolling"}},
            },
        },
        "Outputs": {"Group": {"Value": {"Ref": "Group"}}},
    }


def _subnet(cidr: str, zone: str) -> dict[str, Any]:
    return {"VpcId": {"Ref": "Vpc"}, "CidrBlock": cidr, "AvailabilityZone": zone}


def group(client: Any) -> Any:
    found = client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=["fleet"])
    return next(iter(found["AutoScalingGroups"]), None)


def complete_hooks(client: Any) -> None:
    for instance in group(client)["Instances"]:
        if instance["LifecycleState"] == "Pending:Wait":
            client("autoscaling").complete_lifecycle_action(
                AutoScalingGroupName="fleet",
                LifecycleHookName="launch",
                InstanceId=instance["InstanceId"],
                LifecycleActionResult="CONTINUE",
            )


def in_service(client: Any, count: int) -> bool:
    complete_hooks(client)
    states = [instance["LifecycleState"] for instance in group(client)["Instances"]]
    return states == ["InService"] * count


def refreshes(client: Any) -> list[Any]:
    found = client("autoscaling").describe_instance_refreshes(AutoScalingGroupName="fleet")
    return list(found["InstanceRefreshes"])
