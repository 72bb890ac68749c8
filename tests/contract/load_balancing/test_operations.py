"""Elastic Load Balancing's API: names, attributes, bounds and rules."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError

from tests.contract.load_balancing.conftest import Account

PREVIEW = "X-Fleet-Preview"


def vpc(account: Account) -> str:
    return str(account.client("ec2").describe_subnets(SubnetIds=account.subnets())["Subnets"][0]["VpcId"])


def test_a_load_balancer_has_a_name_and_an_address_of_its_own(account: Account) -> None:
    elb = account.client("elbv2")
    first, second = account.load_balancer("own-a"), account.load_balancer("own-b")
    found = elb.describe_load_balancers(LoadBalancerArns=[first, second])["LoadBalancers"]
    names = [each["DNSName"] for each in found]
    assert all(re.fullmatch(r"own-[ab]-\d{10}\.us-east-1\.elb\.amazonaws\.com", name) for name in names)
    assert len(set(names)) == 2
    assert {each["State"]["Code"] for each in found} == {"active"}
    assert {each["VpcId"] for each in found} == {vpc(account)}
    assert {zone["ZoneName"] for zone in found[0]["AvailabilityZones"]} == {"us-east-1a", "us-east-1b"}
    addresses = account.address(first), account.address(second)
    assert addresses[0] != addresses[1]
    elb.delete_load_balancer(LoadBalancerArn=first)
    third = account.load_balancer("own-c")
    assert account.address(third) == addresses[0]


def test_attributes_round_trip(account: Account) -> None:
    """Defaults: LoadBalancerAttribute and TargetGroupAttribute in the API reference."""
    elb = account.client("elbv2")
    balancer, group = account.load_balancer("attributes"), account.target_group("attributes")

    def of_balancer() -> dict[str, str]:
        found = elb.describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
        return {each["Key"]: each["Value"] for each in found}

    assert of_balancer()["idle_timeout.timeout_seconds"] == "60"
    assert of_balancer()["client_keep_alive.seconds"] == "3600"
    change = {"Key": "idle_timeout.timeout_seconds", "Value": "75"}
    elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[change])
    assert of_balancer()["idle_timeout.timeout_seconds"] == "75"
    for key, value, why in (
        ("idle_timeout.timeout_seconds", "0", "not valid"),
        ("access_logs.s3.enabled", "true", "localcloud does not support"),
        ("imaginary", "1", "localcloud does not support the load balancer attribute 'imaginary'"),
    ):
        with pytest.raises(ClientError, match=rf"ValidationError.*{why}"):
            elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[{"Key": key, "Value": value}])
    found = elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    values = {each["Key"]: each["Value"] for each in found}
    assert values["deregistration_delay.timeout_seconds"] == "300"
    assert values["load_balancing.algorithm.type"] == "round_robin"
    for key, value in (("stickiness.enabled", "true"), ("load_balancing.algorithm.type", "weighted_random")):
        with pytest.raises(ClientError, match="localcloud does not support"):
            elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": key, "Value": value}])


def test_targets_of_a_group_nobody_uses_are_unused(account: Account) -> None:
    """TargetHealth: Target.NotInUse and Target.NotRegistered."""
    elb = account.client("elbv2")
    group = account.target_group("unused")
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "i-1"}])
    found = elb.describe_target_health(TargetGroupArn=group, Targets=[{"Id": "i-1"}, {"Id": "i-9"}])
    health = [each["TargetHealth"] for each in found["TargetHealthDescriptions"]]
    assert [each["State"] for each in health] == ["unused", "unused"]
    assert [each["Reason"] for each in health] == ["Target.NotInUse", "Target.NotRegistered"]
    with pytest.raises(ClientError, match="InvalidTarget"):
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "i-9"}])
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "i-9"}])


def test_bounds_of_health_checks(account: Account) -> None:
    """CreateTargetGroup and ModifyTargetGroup in the API reference."""
    elb = account.client("elbv2")
    for changes in (
        {"HealthCheckIntervalSeconds": 4},
        {"HealthCheckTimeoutSeconds": 5, "HealthCheckIntervalSeconds": 5},
        {"HealthyThresholdCount": 11},
        {"Matcher": {"HttpCode": "200-599"}},
        {"HealthCheckPath": "healthz"},
        {"TargetType": "ip"},
        {"Protocol": "HTTPS"},
        {"HealthCheckProtocol": "HTTPS"},
    ):
        with pytest.raises(ClientError, match="ValidationError"):
            account.target_group("bounds", **changes)
    group = account.target_group("bounds")
    view = elb.modify_target_group(TargetGroupArn=group, HealthCheckIntervalSeconds=20, Matcher={"HttpCode": "200-204"})
    changed = view["TargetGroups"][0]
    assert (changed["HealthCheckIntervalSeconds"], changed["Matcher"]) == (20, {"HttpCode": "200-204"})
    with pytest.raises(ClientError, match="must be smaller than the interval"):
        elb.modify_target_group(TargetGroupArn=group, HealthCheckTimeoutSeconds=60)


def test_rules(account: Account) -> None:
    """CreateRule in the API reference; conditions that are not a header are refused by name."""
    elb = account.client("elbv2")
    balancer, group = account.load_balancer("rules"), account.target_group("rules")
    listener = account.listener(balancer, account.certificate(), {group: 1})
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": PREVIEW, "Values": ["blue", "b*"]}}
    rule = elb.create_rule(ListenerArn=listener, Priority=1, Conditions=[header], Actions=forward)["Rules"][0]
    found = elb.describe_rules(RuleArns=[rule["RuleArn"]])["Rules"][0]
    assert found["Conditions"] == [header]
    assert found["Actions"][0]["TargetGroupArn"] == group
    with pytest.raises(ClientError, match="PriorityInUse"):
        elb.create_rule(ListenerArn=listener, Priority=1, Conditions=[header], Actions=forward)
    path = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}}
    with pytest.raises(ClientError, match="localcloud does not support rules whose conditions are path-pattern"):
        elb.create_rule(ListenerArn=listener, Priority=2, Conditions=[path], Actions=forward)
    elb.delete_rule(RuleArn=rule["RuleArn"])
    assert len(elb.describe_rules(ListenerArn=listener)["Rules"]) == 1


def test_operations_that_are_not_there_are_refused_by_name(account: Account) -> None:
    with pytest.raises(ClientError, match="localcloud does not support elasticloadbalancing:CreateTrustStore yet"):
        account.client("elbv2").create_trust_store(
            Name="x", CaCertificatesBundleS3Bucket="b", CaCertificatesBundleS3Key="k"
        )


def test_a_target_group_serves_one_load_balancer(account: Account) -> None:
    """CreateListener: TargetGroupAssociationLimit."""
    certificate, group = account.certificate(), account.target_group("shared")
    account.listener(account.load_balancer("first"), certificate, {group: 1})
    with pytest.raises(ClientError, match="TargetGroupAssociationLimit"):
        account.listener(account.load_balancer("second"), certificate, {group: 1})
