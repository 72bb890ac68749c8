"""What CloudFormation's handlers need, what IAM can limit, and what the bootstrap template grants.

What a resource type needs is told by its own schema (`handlers.<create|read|update|delete>.permissions`), what an
action can be limited to by the service authorization reference; cfn-lint ships both.
"""

import json
import re
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]

from tests.templates import load, nodes

APPLIED_WITH_THE_ROLE = ("registry.yml", "network.yml", "load_balancer.yml", "fleet.yml")
VALUES = {"AWS::Partition": "aws", "AWS::AccountId": "111122223333", "AWS::Region": "eu-west-1", "AppName": "hello"}

# Permissions that a schema lists for properties which the templates do not use. "*" stands for any type.
NOT_NEEDED = {
    ("AWS::AutoScaling::AutoScalingGroup", "managed-fleets:*"): "groups of managed fleets; no action of the reference",
    ("AWS::AutoScaling::AutoScalingGroup", "vpc-lattice:*"): "targets of VPC Lattice",
    ("AWS::AutoScaling::AutoScalingGroup", "autoscaling:*Notification*"): "NotificationConfigurations",
    ("AWS::AutoScaling::AutoScalingGroup", "autoscaling:*LoadBalancers"): "LoadBalancerNames, of the classic kind",
    ("AWS::AutoScaling::AutoScalingGroup", "ec2:Get*"): "instance types chosen by their attributes",
    ("AWS::AutoScaling::AutoScalingGroup", "ssm:Get*"): "a machine image named by a parameter; ours is an id",
    ("AWS::AutoScaling::ScalingPolicy", "cloudwatch:GetMetricData"): "predictive scaling looks at the past",
    ("AWS::EC2::Subnet", "ec2:*SubnetCidrBlock"): "Ipv6CidrBlock",
    ("AWS::EC2::VPC", "ec2:CreateVpcEncryptionControl"): "VpcEncryptionControl",
    ("AWS::EC2::VPC", "ec2:ModifyVpcTenancy"): "InstanceTenancy",
    ("AWS::EC2::VPCEndpoint", "vpc-lattice:*"): "endpoints of service networks",
    ("AWS::EC2::VPCEndpoint", "vpce:AllowMultiRegion"): "ServiceRegion",
    ("AWS::EC2::VPCGatewayAttachment", "ec2:*VpnGateway"): "VpnGatewayId",
    ("AWS::ECR::Repository", "kms:*"): "encryption with a key of one's own",
    ("AWS::ElasticLoadBalancingV2::*", "cognito-idp:*"): "actions that authenticate",
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "elasticloadbalancing:ModifyCapacityReservation"): (
        "MinimumLoadBalancerCapacity"
    ),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "elasticloadbalancing:ModifyIpPools"): "Ipv4IpamPoolId",
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "elasticloadbalancing:*egisterTargets"): "Targets; ours are a group's",
    ("AWS::IAM::Role", "iam:AttachRolePolicy"): "ManagedPolicyArns",
    ("AWS::IAM::Role", "iam:DetachRolePolicy"): "ManagedPolicyArns",
    ("AWS::IAM::Role", "iam:DeleteRolePermissionsBoundary"): "a boundary is never taken away",
    ("AWS::Logs::LogGroup", "logs:*DataProtectionPolicy"): "DataProtectionPolicy",
    ("AWS::Logs::LogGroup", "logs:CreateLogDelivery"): "DataProtectionPolicy",
    ("AWS::Logs::LogGroup", "s3:REST.PUT.OBJECT"): "DataProtectionPolicy",
    ("AWS::Logs::LogGroup", "firehose:TagDeliveryStream"): "DataProtectionPolicy",
    ("AWS::Logs::LogGroup", "logs:*IndexPolicy"): "FieldIndexPolicies",
    ("AWS::Logs::LogGroup", "logs:*ResourcePolicy"): "ResourcePolicyDocument",
    ("AWS::Logs::LogGroup", "logs:*KmsKey"): "KmsKeyId",
    ("AWS::Logs::LogGroup", "logs:PutBearerTokenAuthentication"): "BearerTokenAuthenticationEnabled",
    ("AWS::Logs::LogGroup", "logs:PutLogGroupDeletionProtection"): "DeletionProtectionEnabled",
    ("AWS::SNS::Subscription", "iam:PassRole"): "SubscriptionRoleArn",
    ("AWS::SNS::Topic", "iam:PassRole"): "DeliveryStatusLogging",
    ("AWS::SNS::Topic", "sns:PutDataProtectionPolicy"): "DataProtectionPolicy",
}

# Rights that no schema lists.
NEEDED_BESIDES = {
    "cloudformation:CreateChangeSet": "expands Fn::ForEach",
}

# The kinds of resources that the templates are made of, as the reference names them, each with an ARN of ours.
OURS = {
    ("ec2", kind): f"arn:aws:ec2:eu-west-1:111122223333:{kind}/x-1"
    for kind in [
        "instance",
        "internet-gateway",
        "launch-template",
        "network-interface",
        "route-table",
        "security-group",
        "security-group-rule",
        "subnet",
        "volume",
        "vpc",
        "vpc-endpoint",
    ]
} | {
    ("ec2", "image"): "arn:aws:ec2:eu-west-1::image/ami-1",
    ("autoscaling", "autoscalinggroup"): (
        "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:1-2:autoScalingGroupName/hello-staging-blue"
    ),
    ("cloudwatch", "alarm"): "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:hello-staging-blue-cpu",
    ("cloudwatch", "dashboard"): "arn:aws:cloudwatch::111122223333:dashboard/hello-staging",
    ("ecr", "repository"): "arn:aws:ecr:eu-west-1:111122223333:repository/hello",
    ("elasticloadbalancing", "listener/app"): "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/h/1/2",
    ("elasticloadbalancing", "listener-rule/app"): (
        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener-rule/app/h/1/2/3"
    ),
    ("elasticloadbalancing", "loadbalancer/app/"): (
        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/h/1"
    ),
    ("elasticloadbalancing", "targetgroup"): "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/h/1",
    ("iam", "instance-profile"): (
        "arn:aws:iam::111122223333:instance-profile/hello-staging-fleet-blue-InstanceProfile-1A2B3C"
    ),
    ("iam", "role"): "arn:aws:iam::111122223333:role/hello-staging-fleet-blue-Role-1A2B3C4D5E6F",
    ("logs", "log-group"): "arn:aws:logs:eu-west-1:111122223333:log-group:/hello/staging/blue:log-stream:",
    ("sns", "topic"): "arn:aws:sns:eu-west-1:111122223333:hello-staging-load-balancer-AlertTopic-1A2B3C",
}
# What a group launches is tagged by the group; the rest of these is never tagged by a stack.
NOT_TAGGED = {"image", "instance", "network-interface", "security-group-rule", "volume"}
SERVICES_OWN_ROLE = (
    "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
)


def resolved(value: Any) -> Any:
    """Fn::Sub and Ref with example values, as far as there are any."""
    if isinstance(value, list):
        return [resolved(child) for child in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::Sub"}:
        return re.sub(r"\$\{([^}]+)\}", lambda name: VALUES.get(name[1], name[0]), value["Fn::Sub"])
    if set(value) == {"Ref"}:
        return VALUES.get(value["Ref"], value["Ref"])
    return {key: resolved(child) for key, child in value.items()}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


BOOTSTRAP = load("bootstrap.yml")["Resources"]
ROLE = resolved(BOOTSTRAP["ServiceRole"]["Properties"])
ATTACHED = [resolved(BOOTSTRAP[name]["Properties"]["PolicyDocument"]) for name in ROLE["ManagedPolicyArns"]]
DOCUMENTS = [policy["PolicyDocument"] for policy in ROLE["Policies"]] + ATTACHED
STATEMENTS = [statement for document in DOCUMENTS for statement in document["Statement"]]
GRANTED = sorted({action for statement in STATEMENTS for action in listed(statement["Action"])})
TYPES = sorted(
    {node["Type"] for name in APPLIED_WITH_THE_ROLE for node in nodes(load(name)["Resources"]) if "Type" in node}
    & set(PROVIDER_SCHEMA_MANAGER.get_resource_types("us-east-1"))
)
REFERENCE = json.loads((files("cfnlint.data.AdditionalSpecs") / "Policies.json").read_text(encoding="utf-8"))


def needed(kind: str) -> set[str]:
    """The actions that CloudFormation's handlers of a resource type take."""
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    operations = ("create", "read", "update", "delete")
    return {action for name in operations for action in handlers.get(name, {}).get("permissions", [])}


def exceptions(kind: str, action: str) -> list[tuple[str, str]]:
    return [key for key in NOT_NEEDED if fnmatchcase(kind, key[0]) and fnmatchcase(action, key[1])]


def granted(action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in GRANTED)


def limits(action: str) -> set[str]:
    """The kinds of resources to which an action can be limited."""
    service, name = action.split(":")
    return set(REFERENCE[service]["Actions"][name.lower()].get("Resources", []))


def resources(action: str) -> list[str]:
    """The patterns of ARNs on which an action is granted."""
    return [
        pattern
        for statement in STATEMENTS
        if action in listed(statement["Action"])
        for pattern in listed(statement["Resource"])
    ]
