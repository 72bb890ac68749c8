"""Changes to the fleet, the registry, the topic and what bootstrap makes."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.contract.drift.change import change, expected
from tests.contract.drift.cloud import Account, Stack

GROUP = ("AutoScaling::AutoScalingGroup", "fleet", "Group")


@change(*GROUP, ("/MaxSize", "NOT_EQUAL"))
def larger(account: Account, stack: Stack, name: str) -> Iterator[None]:
    account.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=3)
    yield
    account.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=2)


@change(*GROUP)
def scaled(account: Account, stack: Stack, name: str) -> Iterator[None]:
    account.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)
    yield
    account.autoscaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=0)


@change(*GROUP, ("/LifecycleHookSpecificationList/0/HeartbeatTimeout", "NOT_EQUAL"))
def more_patient(account: Account, stack: Stack, name: str) -> Iterator[None]:
    hook = {"AutoScalingGroupName": name, "LifecycleHookName": "launch"}
    account.autoscaling.put_lifecycle_hook(**hook, HeartbeatTimeout=600)
    yield
    account.autoscaling.put_lifecycle_hook(**hook, HeartbeatTimeout=300)


@change(*GROUP, ("/MetricsCollection/0/Metrics/2", "REMOVE"))
def one_metric_less(account: Account, stack: Stack, name: str) -> Iterator[None]:
    (collection,) = expected(stack, "Group")["MetricsCollection"]
    given = {"AutoScalingGroupName": name, "Metrics": [collection["Metrics"][2]]}
    account.autoscaling.disable_metrics_collection(**given)
    yield
    account.autoscaling.enable_metrics_collection(**given, Granularity="1Minute")


@change(*GROUP, ("/MetricsCollection", "REMOVE"))
def nothing_collected(account: Account, stack: Stack, name: str) -> Iterator[None]:
    (collection,) = expected(stack, "Group")["MetricsCollection"]
    account.autoscaling.disable_metrics_collection(AutoScalingGroupName=name)
    yield
    account.autoscaling.enable_metrics_collection(AutoScalingGroupName=name, **collection)


@change(*GROUP, ("/LaunchTemplate/Version", "NOT_EQUAL"))
def always_the_latest(account: Account, stack: Stack, name: str) -> Iterator[None]:
    def launch_from(version: str) -> None:
        template = {"LaunchTemplateId": stack.id_of("LaunchTemplate"), "Version": version}
        account.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, LaunchTemplate=template)

    launch_from("$Latest")
    yield
    launch_from("1")


@change(
    "AutoScaling::ScalingPolicy",
    "fleet",
    "CpuTargetPolicy",
    ("/TargetTrackingConfiguration/TargetValue", "NOT_EQUAL"),
)
def another_target(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    def track(percent: float) -> None:
        found = account.autoscaling.describe_policies(PolicyNames=[arn])["ScalingPolicies"]
        configuration = {**found[0]["TargetTrackingConfiguration"], "TargetValue": percent}
        kept = ("AutoScalingGroupName", "PolicyName", "PolicyType", "EstimatedInstanceWarmup")
        named = {name: found[0][name] for name in kept}
        account.autoscaling.put_scaling_policy(**named, TargetTrackingConfiguration=configuration)

    track(70)
    yield
    track(50)


@change("EC2::LaunchTemplate", "fleet", "LaunchTemplate", ("/LaunchTemplateData/InstanceType", "NOT_EQUAL"))
def another_instance_type(account: Account, stack: Stack, template: str) -> Iterator[None]:
    create, given = account.ec2.create_launch_template_version, {"LaunchTemplateId": template, "SourceVersion": "1"}
    create(**given, LaunchTemplateData={"InstanceType": "m5.large"})
    yield
    create(**given, LaunchTemplateData={"InstanceType": "t3.micro"})


@change("Logs::LogGroup", "fleet", "LogGroup", ("/RetentionInDays", "NOT_EQUAL"))
def kept_for_a_year(account: Account, stack: Stack, name: str) -> Iterator[None]:
    account.logs.put_retention_policy(logGroupName=name, retentionInDays=365)
    yield
    account.logs.put_retention_policy(logGroupName=name, retentionInDays=30)


@change("Logs::LogGroup", "fleet", "LogGroup", ("/RetentionInDays", "REMOVE"))
def kept_for_ever(account: Account, stack: Stack, name: str) -> Iterator[None]:
    account.logs.delete_retention_policy(logGroupName=name)
    yield
    account.logs.put_retention_policy(logGroupName=name, retentionInDays=30)


@change("IAM::Role", "fleet", "Role", ("/Policies/0/PolicyDocument/Statement/1/Action/3", "ADD"))
def one_right_more(account: Account, stack: Stack, name: str) -> Iterator[None]:
    def put(*more: str) -> None:
        (document,) = (p["PolicyDocument"] for p in expected(stack, "Role")["Policies"] if p["PolicyName"] == "boot")
        # Which of the actions comes first means nothing.
        document["Statement"][1]["Action"] = [*more, *document["Statement"][1]["Action"][::-1]]
        account.iam.put_role_policy(RoleName=name, PolicyName="boot", PolicyDocument=json.dumps(document))

    put("ecr:DescribeImages")
    yield
    put()


@change("IAM::Role", "fleet", "Role", ("/Policies/2", "ADD"))
def one_policy_more(account: Account, stack: Stack, name: str) -> Iterator[None]:
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    account.iam.put_role_policy(RoleName=name, PolicyName="mine", PolicyDocument=json.dumps(everything))
    yield
    account.iam.delete_role_policy(RoleName=name, PolicyName="mine")


@change("IAM::Role", "table-and-role", "Role", ("/PermissionsBoundary", "REMOVE"))
def unbounded(account: Account, stack: Stack, name: str) -> Iterator[None]:
    account.iam.delete_role_permissions_boundary(RoleName=name)
    yield
    account.iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=stack.id_of("Boundary"))


@change("IAM::ManagedPolicy", "table-and-role", "Boundary", ("/PolicyDocument/Statement/0/Action/1", "REMOVE"))
def one_right_less(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    document = expected(stack, "Boundary")["PolicyDocument"]
    before = json.dumps(document)
    document["Statement"][0]["Action"].remove("s3:ListBucket")
    account.iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
    yield
    account.iam.create_policy_version(PolicyArn=arn, PolicyDocument=before, SetAsDefault=True)


@change("IAM::InstanceProfile", "fleet", "InstanceProfile", ("/Roles/0", "REMOVE"))
def without_a_role(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    profile = {"InstanceProfileName": arn.rpartition("/")[2], "RoleName": stack.id_of("Role")}
    account.iam.remove_role_from_instance_profile(**profile)
    yield
    account.iam.add_role_to_instance_profile(**profile)


REPOSITORY = ("ECR::Repository", "registry", "Repository")


@change(*REPOSITORY, ("/ImageTagMutability", "NOT_EQUAL"))
def tags_can_move(account: Account, stack: Stack, name: str) -> Iterator[None]:
    account.ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="MUTABLE")
    yield
    account.ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")


@change(*REPOSITORY, ("/LifecyclePolicy/LifecyclePolicyText", "NOT_EQUAL"))
def fewer_images(account: Account, stack: Stack, name: str) -> Iterator[None]:
    written = json.loads(expected(stack, "Repository")["LifecyclePolicy"]["LifecyclePolicyText"])

    def put(images: int) -> None:
        written["rules"][1]["selection"]["countNumber"] = images
        # Blanks mean nothing.
        account.ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=json.dumps(written, indent=3))

    put(3)
    yield
    put(30)


@change(*REPOSITORY, ("/RepositoryPolicyText/Statement/0/Principal/AWS/1", "REMOVE"))
def one_account_less(account: Account, stack: Stack, name: str) -> Iterator[None]:
    policy = expected(stack, "Repository")["RepositoryPolicyText"]
    before = json.dumps(policy)
    policy["Statement"][0]["Principal"]["AWS"].pop()
    account.ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(policy))
    yield
    account.ecr.set_repository_policy(repositoryName=name, policyText=before)


@change("SNS::Topic", "load-balancer", "AlertTopic", ("/DisplayName", "NOT_EQUAL"))
def another_sender(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    topic = {"TopicArn": arn, "AttributeName": "DisplayName"}
    account.sns.set_topic_attributes(**topic, AttributeValue="somebody")
    yield
    account.sns.set_topic_attributes(**topic, AttributeValue="hello test")


@change("SNS::TopicPolicy", "load-balancer", "AlertTopicPolicy", ("/PolicyDocument/Statement/0/Condition", "REMOVE"))
def open_to_other_accounts(account: Account, stack: Stack, _: str) -> Iterator[None]:
    policy = expected(stack, "AlertTopicPolicy")["PolicyDocument"]
    topic = {"TopicArn": stack.id_of("AlertTopic"), "AttributeName": "Policy"}
    before = json.dumps(policy)
    del policy["Statement"][0]["Condition"]
    account.sns.set_topic_attributes(**topic, AttributeValue=json.dumps(policy))
    yield
    account.sns.set_topic_attributes(**topic, AttributeValue=before)


@change("SNS::Topic", "load-balancer", "AlertTopic", ("/KmsMasterKeyId", "NOT_EQUAL"))
def under_the_key_that_lets_no_alarm_in(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    topic = {"TopicArn": arn, "AttributeName": "KmsMasterKeyId"}
    account.sns.set_topic_attributes(**topic, AttributeValue="alias/aws/sns")
    yield
    account.sns.set_topic_attributes(**topic, AttributeValue=stack.id_of("NotificationsKey"))


@change("SNS::TopicPolicy", "load-balancer", "AlertTopicPolicy", ("/PolicyDocument/Statement/1", "REMOVE"))
def open_without_tls(account: Account, stack: Stack, _: str) -> Iterator[None]:
    policy = expected(stack, "AlertTopicPolicy")["PolicyDocument"]
    topic = {"TopicArn": stack.id_of("AlertTopic"), "AttributeName": "Policy"}
    account.sns.set_topic_attributes(
        **topic, AttributeValue=json.dumps({**policy, "Statement": policy["Statement"][:1]})
    )
    yield
    account.sns.set_topic_attributes(**topic, AttributeValue=json.dumps(policy))


KEY = ("KMS::Key", "load-balancer", "NotificationsKey")


@change(*KEY, ("/EnableKeyRotation", "NOT_EQUAL"))
def never_rotated(account: Account, stack: Stack, key: str) -> Iterator[None]:
    account.kms.disable_key_rotation(KeyId=key)
    yield
    account.kms.enable_key_rotation(KeyId=key)


@change(*KEY, ("/Description", "NOT_EQUAL"))
def described_as_something_else(account: Account, stack: Stack, key: str) -> Iterator[None]:
    account.kms.update_key_description(KeyId=key, Description="mine")
    yield
    account.kms.update_key_description(KeyId=key, Description=expected(stack, "NotificationsKey")["Description"])


@change(*KEY, ("/KeyPolicy/Statement/1", "REMOVE"))
def closed_to_alarms(account: Account, stack: Stack, key: str) -> Iterator[None]:
    policy = expected(stack, "NotificationsKey")["KeyPolicy"]
    closed = json.dumps({**policy, "Statement": policy["Statement"][:1]})
    account.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=closed)
    yield
    account.kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))


@change("KMS::Alias", "load-balancer", "NotificationsKeyAlias", ("/TargetKeyId", "NOT_EQUAL"))
def the_name_of_another_key(account: Account, stack: Stack, alias: str) -> Iterator[None]:
    other = account.kms.create_key()["KeyMetadata"]["KeyId"]
    account.kms.update_alias(AliasName=alias, TargetKeyId=other)
    yield
    account.kms.update_alias(AliasName=alias, TargetKeyId=stack.id_of("NotificationsKey"))


TABLE = ("DynamoDB::Table", "table-and-role", "Table")


@change(*TABLE, ("/PointInTimeRecoverySpecification/PointInTimeRecoveryEnabled", "NOT_EQUAL"))
def without_recovery(account: Account, stack: Stack, name: str) -> Iterator[None]:
    def recovery(enabled: bool) -> None:
        specification = {"PointInTimeRecoveryEnabled": enabled}
        account.dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)

    recovery(False)
    yield
    recovery(True)


@change(*TABLE, ("/DeletionProtectionEnabled", "NOT_EQUAL"))
def unprotected(account: Account, stack: Stack, name: str) -> Iterator[None]:
    account.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    yield
    account.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)


@change(*TABLE, ("/TimeToLiveSpecification/Enabled", "NOT_EQUAL"))
def never_expires(account: Account, stack: Stack, name: str) -> Iterator[None]:
    def expiry(enabled: bool) -> None:
        specification = {"AttributeName": "until", "Enabled": enabled}
        account.dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)

    expiry(False)
    yield
    expiry(True)


@change(*TABLE, ("/SSESpecification/SSEEnabled", "NOT_EQUAL"))
def without_a_key_of_the_account(account: Account, stack: Stack, name: str) -> Iterator[None]:
    account.dynamodb.update_table(TableName=name, SSESpecification={"Enabled": False})
    yield
    account.dynamodb.update_table(TableName=name, SSESpecification={"Enabled": True})
