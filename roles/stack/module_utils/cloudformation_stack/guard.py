"""Which resources carry traffic or state, and the refusal to replace or delete one unasked."""

from __future__ import annotations

from collections.abc import Collection

from .plan import Action, Plan, ResourcePlan

TRAFFIC = "traffic"
STATE = "state"

# A resource is guarded when its loss interrupts requests that are being served (traffic) or loses what no
# template can bring back (state). A subscription is not: taking an address off a list is an ordinary change.
GUARDED_TYPES: dict[str, str] = {
    "AWS::AutoScaling::AutoScalingGroup": TRAFFIC,
    "AWS::EC2::Instance": TRAFFIC,
    "AWS::EC2::InternetGateway": TRAFFIC,
    "AWS::EC2::Route": TRAFFIC,
    "AWS::EC2::RouteTable": TRAFFIC,
    "AWS::EC2::SecurityGroup": TRAFFIC,
    "AWS::EC2::Subnet": TRAFFIC,
    "AWS::EC2::SubnetRouteTableAssociation": TRAFFIC,
    "AWS::EC2::VPC": TRAFFIC,
    "AWS::EC2::VPCGatewayAttachment": TRAFFIC,
    "AWS::ElasticLoadBalancingV2::Listener": TRAFFIC,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": TRAFFIC,
    "AWS::ElasticLoadBalancingV2::TargetGroup": TRAFFIC,
    "AWS::Route53::HostedZone": TRAFFIC,
    "AWS::Route53::RecordSet": TRAFFIC,
    "AWS::CertificateManager::Certificate": TRAFFIC,
    "AWS::CloudFormation::Stack": STATE,
    "AWS::Cognito::UserPool": STATE,
    "AWS::DynamoDB::GlobalTable": STATE,
    "AWS::DynamoDB::Table": STATE,
    "AWS::EC2::Volume": STATE,
    "AWS::ECR::Repository": STATE,
    "AWS::EFS::FileSystem": STATE,
    "AWS::ElastiCache::ReplicationGroup": STATE,
    "AWS::KMS::Key": STATE,
    "AWS::Logs::LogGroup": STATE,
    "AWS::RDS::DBCluster": STATE,
    "AWS::RDS::DBInstance": STATE,
    "AWS::S3::Bucket": STATE,
    "AWS::SNS::Topic": STATE,
    "AWS::SQS::Queue": STATE,
    "AWS::SSM::Parameter": STATE,
    "AWS::SecretsManager::Secret": STATE,
}

_VERBS = {
    Action.REPLACE: "would be replaced",
    Action.MAY_REPLACE: "may be replaced",
    Action.REMOVE: "would be deleted",
}


def refusals(plan: Plan, allowed: Collection[str], variable: str) -> list[str]:
    """One sentence for each guarded resource that the plan would lose and `allowed` does not name."""
    return [
        _sentence(resource, variable)
        for resource in plan.resources
        if _is_loss(resource) and resource.logical_id not in allowed
    ]


def _is_loss(resource: ResourcePlan) -> bool:
    kind = GUARDED_TYPES.get(resource.type)
    if kind is None or resource.action not in _VERBS:
        return False
    # A retained resource leaves the stack and lives on; a replacement still takes its traffic away.
    return not (resource.action is Action.REMOVE and resource.retained)


def _sentence(resource: ResourcePlan, variable: str) -> str:
    kind = GUARDED_TYPES[resource.type]
    causes = [change.path for change in resource.properties if change.recreates != "Never"]
    because = f" because of {', '.join(dict.fromkeys(causes))}" if causes else ""
    if resource.action is Action.REMOVE:
        because = " because the template no longer has it"
    return (
        f"{resource.logical_id} ({resource.type}) {_VERBS[resource.action]}{because}, and it carries {kind}. "
        f"To allow it: {variable}: [{resource.logical_id}]"
    )
