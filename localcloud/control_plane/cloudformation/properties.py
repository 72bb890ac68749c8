"""What of a template localcloud takes at its word: a table of properties per resource type.

MiniStack accepts properties that it then ignores. For the types in this table an ignored property is an error of the
caller instead, before anything is created. Types that are not in the table are MiniStack's own affair, and properties
that AWS does not know either are that of pre-deployment validation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from localcloud.control_plane.cloudformation import schemas

_TAGS = "Tags.Key Tags.Value"
_SECURITY_RULE = "CidrIp Description FromPort IpProtocol SourceSecurityGroupId ToPort"


def _each(prefix: str, names: str) -> str:
    return " ".join(f"{prefix}.{name}" for name in names.split())


SUPPORTED: dict[str, str] = {
    # `a.b.*`: whatever is below is taken as it is (policy documents, which IAM itself evaluates).
    "AWS::AutoScaling::AutoScalingGroup": f"""
        AutoScalingGroupName AvailabilityZones Cooldown DefaultInstanceWarmup DesiredCapacity HealthCheckGracePeriod
        HealthCheckType InstanceMaintenancePolicy.MaxHealthyPercentage InstanceMaintenancePolicy.MinHealthyPercentage
        LaunchTemplate.LaunchTemplateId LaunchTemplate.LaunchTemplateName LaunchTemplate.Version MaxSize MinSize
        {_each("LifecycleHookSpecificationList", "DefaultResult HeartbeatTimeout LifecycleHookName")}
        {_each("LifecycleHookSpecificationList", "LifecycleTransition NotificationMetadata")}
        MetricsCollection.Granularity MetricsCollection.Metrics
        NewInstancesProtectedFromScaleIn Tags.PropagateAtLaunch TargetGroupARNs TerminationPolicies VPCZoneIdentifier
        {_TAGS}""",
    "AWS::CloudWatch::Alarm": f"""
        ActionsEnabled AlarmActions AlarmDescription AlarmName ComparisonOperator DatapointsToAlarm Dimensions.Name
        Dimensions.Value EvaluationPeriods ExtendedStatistic InsufficientDataActions MetricName
        {_each("Metrics", "Expression Id Label Period ReturnData")}
        {_each("Metrics.MetricStat", "Period Stat Unit Metric.MetricName Metric.Namespace")}
        {_each("Metrics.MetricStat.Metric.Dimensions", "Name Value")} Namespace OKActions Period Statistic Threshold
        TreatMissingData Unit {_TAGS}""",
    "AWS::CloudWatch::Dashboard": f"DashboardBody DashboardName {_TAGS}",
    "AWS::AutoScaling::ScalingPolicy": """
        AutoScalingGroupName EstimatedInstanceWarmup PolicyType TargetTrackingConfiguration.DisableScaleIn
        TargetTrackingConfiguration.PredefinedMetricSpecification.PredefinedMetricType
        TargetTrackingConfiguration.PredefinedMetricSpecification.ResourceLabel
        TargetTrackingConfiguration.TargetValue""",
    "AWS::DynamoDB::Table": f"""
        AttributeDefinitions.AttributeName AttributeDefinitions.AttributeType BillingMode DeletionProtectionEnabled
        KeySchema.AttributeName KeySchema.KeyType PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled
        ProvisionedThroughput.ReadCapacityUnits ProvisionedThroughput.WriteCapacityUnits
        {_each("SSESpecification", "KMSMasterKeyId SSEEnabled SSEType")} TableName
        {_each("TimeToLiveSpecification", "AttributeName Enabled")} {_TAGS}""",
    "AWS::EC2::InternetGateway": _TAGS,
    "AWS::EC2::LaunchTemplate": """
        LaunchTemplateName VersionDescription TagSpecifications.ResourceType TagSpecifications.Tags.Key
        TagSpecifications.Tags.Value """
    + _each(
        "LaunchTemplateData",
        f"""
        BlockDeviceMappings.DeviceName
        {_each("BlockDeviceMappings.Ebs", "DeleteOnTermination Encrypted Iops Throughput VolumeSize VolumeType")}
        CreditSpecification.CpuCredits IamInstanceProfile.Arn IamInstanceProfile.Name ImageId InstanceType
        {_each("MetadataOptions", "HttpEndpoint HttpPutResponseHopLimit HttpTokens")} Monitoring.Enabled
        SecurityGroupIds TagSpecifications.ResourceType TagSpecifications.Tags.Key TagSpecifications.Tags.Value UserData
        """,
    ),
    "AWS::EC2::Route": "DestinationCidrBlock GatewayId RouteTableId",
    "AWS::EC2::RouteTable": f"VpcId {_TAGS}",
    "AWS::EC2::SecurityGroup": f"""
        GroupDescription GroupName VpcId {_TAGS} {_each("SecurityGroupIngress", _SECURITY_RULE)}
        {_each("SecurityGroupEgress", f"{_SECURITY_RULE} DestinationSecurityGroupId DestinationPrefixListId")}""",
    "AWS::EC2::Subnet": f"AvailabilityZone CidrBlock MapPublicIpOnLaunch VpcId {_TAGS}",
    "AWS::EC2::SubnetRouteTableAssociation": "RouteTableId SubnetId",
    "AWS::EC2::VPC": f"CidrBlock EnableDnsHostnames EnableDnsSupport InstanceTenancy {_TAGS}",
    "AWS::EC2::VPCEndpoint": f"PolicyDocument.* RouteTableIds ServiceName VpcEndpointType VpcId {_TAGS}",
    "AWS::EC2::VPCGatewayAttachment": "InternetGatewayId VpcId",
    "AWS::ECR::Repository": f"""
        EmptyOnDelete EncryptionConfiguration.EncryptionType ImageScanningConfiguration.ScanOnPush ImageTagMutability
        LifecyclePolicy.LifecyclePolicyText RepositoryName RepositoryPolicyText.* {_TAGS}""",
    "AWS::ElasticLoadBalancingV2::Listener": """
        Certificates.CertificateArn DefaultActions.* LoadBalancerArn Port Protocol SslPolicy
        ListenerAttributes.Key ListenerAttributes.Value""",
    "AWS::ElasticLoadBalancingV2::ListenerRule": "Actions.* Conditions.* ListenerArn Priority",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": f"""
        IpAddressType LoadBalancerAttributes.Key LoadBalancerAttributes.Value Name Scheme SecurityGroups Subnets Type
        {_TAGS}""",
    "AWS::ElasticLoadBalancingV2::TargetGroup": f"""
        HealthCheckEnabled HealthCheckIntervalSeconds HealthCheckPath HealthCheckPort HealthCheckProtocol
        HealthCheckTimeoutSeconds HealthyThresholdCount Matcher.HttpCode Name Port Protocol ProtocolVersion
        TargetGroupAttributes.Key TargetGroupAttributes.Value TargetType UnhealthyThresholdCount VpcId {_TAGS}""",
    "AWS::IAM::InstanceProfile": "InstanceProfileName Path Roles",
    "AWS::IAM::ManagedPolicy": "Description ManagedPolicyName Path PolicyDocument.* Roles",
    "AWS::IAM::Role": f"""
        AssumeRolePolicyDocument.* Description ManagedPolicyArns MaxSessionDuration Path PermissionsBoundary
        Policies.PolicyDocument.* Policies.PolicyName RoleName {_TAGS}""",
    "AWS::KMS::Alias": "AliasName TargetKeyId",
    "AWS::KMS::Key": f"""
        Description Enabled EnableKeyRotation KeyPolicy.* KeySpec KeyUsage PendingWindowInDays RotationPeriodInDays
        {_TAGS}""",
    "AWS::Logs::LogGroup": f"LogGroupName RetentionInDays {_TAGS}",
    "AWS::SNS::Subscription": "Endpoint Protocol TopicArn",
    "AWS::SNS::Topic": f"DisplayName KmsMasterKeyId TopicName {_TAGS}",
    "AWS::SNS::TopicPolicy": "PolicyDocument.* Topics",
}

REFUSED_TYPES = {
    "AWS::AutoScaling::LaunchConfiguration": "use a launch template",
    "AWS::AutoScaling::LifecycleHook": "use the group's LifecycleHookSpecificationList",
    "AWS::AutoScaling::ScheduledAction": "on AWS this would scale the group",
    "AWS::AutoScaling::WarmPool": "on AWS this would keep stopped instances",
}

UPDATE_POLICIES = " ".join(
    f"AutoScalingInstanceRefresh.{path}"
    for path in (
        "Strategy",
        "Preferences.AlarmSpecification.Alarms",
        "Preferences.BakeTime",
        "Preferences.CheckpointDelay",
        "Preferences.CheckpointPercentages",
        "Preferences.InstanceWarmup",
        "Preferences.MaxHealthyPercentage",
        "Preferences.MinHealthyPercentage",
        "Preferences.ScaleInProtectedInstances",
        "Preferences.SkipMatching",
        "Preferences.StandbyInstances",
    )
)


def refusals(template: Mapping[str, Any], conditions: Mapping[str, bool]) -> list[str]:
    """One sentence for each thing in the template that would not be done; none when all would."""
    return [
        sentence
        for logical_id, resource in (template.get("Resources") or {}).items()
        if isinstance(resource, Mapping) and conditions.get(str(resource.get("Condition")), True)
        for sentence in _of_resource(logical_id, resource, conditions)
    ]


def unsupported(kind: str, properties: Mapping[str, Any]) -> list[str]:
    """Paths of what would be ignored, in properties without intrinsic functions."""
    return list(_unknown(properties, _tree(SUPPORTED[kind]), {}))


def _of_resource(logical_id: str, resource: Mapping[str, Any], conditions: Mapping[str, bool]) -> Iterator[str]:
    kind = str(resource.get("Type"))
    if kind in REFUSED_TYPES:
        yield f"localcloud does not support {kind} yet ({logical_id}); {REFUSED_TYPES[kind]}"
        return
    if kind not in SUPPORTED:
        return
    schema = schemas.of_type(kind)
    for path in _unknown(resource.get("Properties") or {}, _tree(SUPPORTED[kind]), conditions):
        if schema is None or _exists(path, schema):
            yield f"localcloud does not support the property {path} of {kind} yet ({logical_id})"
    for path in _unknown(resource.get("UpdatePolicy") or {}, _tree(UPDATE_POLICIES), conditions):
        yield f"localcloud does not support UpdatePolicy {path} yet ({logical_id})"
    if "CreationPolicy" in resource:
        yield f"localcloud does not support CreationPolicy yet ({logical_id}); on AWS this would wait for signals"


def _exists(path: str, schema: schemas.Node) -> bool:
    """Whether AWS knows the property; below a place that holds whatever JSON there is, it does."""
    node: schemas.Node | None = schema
    for part in path.split("."):
        while node is not None and node.item() is not None:
            node = node.item()
        if node is None or not node.properties:
            return True
        node = node.member(part)
        if node is None:
            return False
    return True


_Tree = dict[str, Any]


def _tree(paths: str) -> _Tree:
    root: _Tree = {}
    for path in paths.split():
        node = root
        for part in path.split("."):
            node = node.setdefault(part, {})
    return root


def _unknown(value: Any, known: _Tree, conditions: Mapping[str, bool], path: str = "") -> Iterable[str]:
    """Paths below `value` that are not in `known`. What an intrinsic function gives is only known to AWS, so passes."""
    if "*" in known:
        return
    if isinstance(value, list):
        for item in value:
            yield from _unknown(item, known, conditions, path)
    elif isinstance(value, Mapping) and _is_intrinsic(value):
        branches = value.get("Fn::If")
        if isinstance(branches, list) and len(branches) == 3:
            chosen = branches[1] if conditions.get(branches[0], True) else branches[2]
            yield from _unknown(chosen, known, conditions, path)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            below = f"{path}.{name}" if path else str(name)
            if name in known:
                yield from _unknown(item, known[name], conditions, below)
            elif not _is_left_out(item, conditions):
                yield below


def _is_left_out(value: Any, conditions: Mapping[str, bool]) -> bool:
    """Whether this comes to AWS::NoValue."""
    if isinstance(value, Mapping) and isinstance(branches := value.get("Fn::If"), list) and len(branches) == 3:
        return _is_left_out(branches[1] if conditions.get(branches[0], True) else branches[2], conditions)
    return bool(value == {"Ref": "AWS::NoValue"})


def _is_intrinsic(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and all(key == "Ref" or str(key).startswith("Fn::") for key in value)
