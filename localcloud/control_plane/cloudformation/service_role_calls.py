"""Without which calls CloudFormation could not make, change or remove a resource, and on what it makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    """`physical_id` is empty for one that is about to be made."""

    kind: str
    logical_id: str
    physical_id: str
    properties: Properties
    stack_name: str

    def named(self, name_property: str) -> str:
        """Its name; a name that CloudFormation will invent ends in what nobody knows yet."""
        return str(self.properties.get(name_property) or self.physical_id or f"{self.stack_name}-{self.logical_id}-X")


Arn = Callable[[Resource], str]
"""What comes after arn:aws:<service>:<region>:<account>: in an ARN; or a whole one. Not asked where the physical id of
something that is there is its ARN."""


@dataclass(frozen=True)
class Calls:
    """Actions of a resource type. One that makes something new finds no tags on it yet."""

    arn: Arn
    create: str
    update: str = ""
    delete: str = ""
    makes: bool = True
    """False: what it creates is a part of something that exists, and has its tags."""
    regional: bool = True
    """False: its ARNs name no region."""


def _ec2(kind: str) -> Arn:
    return lambda resource: f"{kind}/{resource.physical_id or '*'}"


def _of(name: str, kind: str) -> Arn:
    """A part of another resource, which a property names."""
    return lambda resource: f"{kind}/{resource.properties.get(name) or '*'}"


def _balancing(kind: str) -> Arn:
    return lambda resource: f"{kind}/{resource.named('Name')}/X"


def _group(resource: Resource) -> str:
    return f"autoScalingGroup:X:autoScalingGroupName/{resource.named('AutoScalingGroupName')}"


def _topic(resource: Resource) -> str:
    topics = resource.properties.get("Topics") or [resource.properties.get("TopicArn")]
    return str(topics[0] or resource.named("TopicName"))


CALLS: dict[str, Calls] = {
    "AWS::AutoScaling::AutoScalingGroup": Calls(
        _group,
        "autoscaling:CreateAutoScalingGroup",
        "autoscaling:UpdateAutoScalingGroup",
        "autoscaling:DeleteAutoScalingGroup",
    ),
    "AWS::AutoScaling::ScalingPolicy": Calls(
        _group,
        "autoscaling:PutScalingPolicy",
        "autoscaling:PutScalingPolicy",
        "autoscaling:DeletePolicy",
        makes=False,
    ),
    "AWS::CloudWatch::Alarm": Calls(
        lambda resource: f"alarm:{resource.named('AlarmName')}",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:DeleteAlarms",
    ),
    "AWS::CloudWatch::Dashboard": Calls(
        lambda resource: f"dashboard/{resource.named('DashboardName')}",
        "cloudwatch:PutDashboard",
        "cloudwatch:PutDashboard",
        "cloudwatch:DeleteDashboards",
        regional=False,
    ),
    "AWS::EC2::InternetGateway": Calls(
        _ec2("internet-gateway"), "ec2:CreateInternetGateway", "ec2:CreateTags", "ec2:DeleteInternetGateway"
    ),
    "AWS::EC2::LaunchTemplate": Calls(
        _ec2("launch-template"),
        "ec2:CreateLaunchTemplate",
        "ec2:CreateLaunchTemplateVersion",
        "ec2:DeleteLaunchTemplate",
    ),
    "AWS::EC2::Route": Calls(
        _of("RouteTableId", "route-table"), "ec2:CreateRoute", "ec2:ReplaceRoute", "ec2:DeleteRoute", makes=False
    ),
    "AWS::EC2::RouteTable": Calls(
        _ec2("route-table"), "ec2:CreateRouteTable", "ec2:CreateTags", "ec2:DeleteRouteTable"
    ),
    "AWS::EC2::SecurityGroup": Calls(
        _ec2("security-group"),
        "ec2:CreateSecurityGroup",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:DeleteSecurityGroup",
    ),
    "AWS::EC2::Subnet": Calls(_ec2("subnet"), "ec2:CreateSubnet", "ec2:ModifySubnetAttribute", "ec2:DeleteSubnet"),
    "AWS::EC2::SubnetRouteTableAssociation": Calls(
        _of("RouteTableId", "route-table"), "ec2:AssociateRouteTable", "", "ec2:DisassociateRouteTable", makes=False
    ),
    "AWS::EC2::VPC": Calls(_ec2("vpc"), "ec2:CreateVpc", "ec2:ModifyVpcAttribute", "ec2:DeleteVpc"),
    "AWS::EC2::VPCEndpoint": Calls(
        _ec2("vpc-endpoint"), "ec2:CreateVpcEndpoint", "ec2:ModifyVpcEndpoint", "ec2:DeleteVpcEndpoints"
    ),
    "AWS::EC2::VPCGatewayAttachment": Calls(
        _of("InternetGatewayId", "internet-gateway"),
        "ec2:AttachInternetGateway",
        "ec2:AttachInternetGateway",
        "ec2:DetachInternetGateway",
        makes=False,
    ),
    "AWS::ECR::Repository": Calls(
        lambda resource: f"repository/{resource.named('RepositoryName')}",
        "ecr:CreateRepository",
        "ecr:PutLifecyclePolicy",
        "ecr:DeleteRepository",
    ),
    "AWS::ElasticLoadBalancingV2::Listener": Calls(
        _balancing("listener/app"),
        "elasticloadbalancing:CreateListener",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:DeleteListener",
    ),
    "AWS::ElasticLoadBalancingV2::ListenerRule": Calls(
        _balancing("listener-rule/app"),
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:DeleteRule",
    ),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Calls(
        _balancing("loadbalancer/app"),
        "elasticloadbalancing:CreateLoadBalancer",
        "elasticloadbalancing:ModifyLoadBalancerAttributes",
        "elasticloadbalancing:DeleteLoadBalancer",
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Calls(
        _balancing("targetgroup"),
        "elasticloadbalancing:CreateTargetGroup",
        "elasticloadbalancing:ModifyTargetGroupAttributes",
        "elasticloadbalancing:DeleteTargetGroup",
    ),
    "AWS::IAM::InstanceProfile": Calls(
        lambda resource: f"instance-profile/{resource.named('InstanceProfileName')}",
        "iam:CreateInstanceProfile",
        "iam:AddRoleToInstanceProfile",
        "iam:DeleteInstanceProfile",
        regional=False,
    ),
    "AWS::IAM::Role": Calls(
        lambda resource: f"role/{resource.named('RoleName')}",
        "iam:CreateRole",
        "iam:UpdateRole",
        "iam:DeleteRole",
        regional=False,
    ),
    "AWS::KMS::Alias": Calls(
        lambda resource: str(resource.properties.get("AliasName")),
        "kms:CreateAlias",
        "kms:UpdateAlias",
        "kms:DeleteAlias",
    ),
    "AWS::KMS::Key": Calls(
        lambda resource: f"key/{resource.physical_id or '*'}",
        "kms:CreateKey",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
    ),
    "AWS::Logs::LogGroup": Calls(
        lambda resource: f"log-group:{resource.named('LogGroupName')}",
        "logs:CreateLogGroup",
        "logs:PutRetentionPolicy",
        "logs:DeleteLogGroup",
    ),
    "AWS::SNS::Subscription": Calls(
        _topic, "sns:Subscribe", "sns:SetSubscriptionAttributes", "sns:Unsubscribe", makes=False
    ),
    "AWS::SNS::Topic": Calls(_topic, "sns:CreateTopic", "sns:SetTopicAttributes", "sns:DeleteTopic"),
    "AWS::SNS::TopicPolicy": Calls(
        _topic, "sns:SetTopicAttributes", "sns:SetTopicAttributes", "sns:SetTopicAttributes", makes=False
    ),
}
