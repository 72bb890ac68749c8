"""Changes to the network and the load balancer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.contract.drift.change import change
from tests.contract.drift.cloud import Account, Stack


@change("EC2::VPC", "network", "Vpc", ("/EnableDnsHostnames", "NOT_EQUAL"))
def host_names_switched_off(account: Account, stack: Stack, vpc: str) -> Iterator[None]:
    account.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": False})
    yield
    account.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})


@change("EC2::VPC", "network", "Vpc", ("/Tags/0/Value", "NOT_EQUAL"))
def renamed(account: Account, stack: Stack, vpc: str) -> Iterator[None]:
    account.ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "mine"}])
    yield
    account.ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "hello-test"}])


@change("EC2::InternetGateway", "network", "InternetGateway", ("/Tags/3", "ADD"))
def a_tag_more(account: Account, stack: Stack, gateway: str) -> Iterator[None]:
    account.ec2.create_tags(Resources=[gateway], Tags=[{"Key": "owner", "Value": "somebody"}])
    yield
    account.ec2.delete_tags(Resources=[gateway], Tags=[{"Key": "owner"}])


@change("EC2::RouteTable", "network", "PublicRouteTable", ("/Tags/1", "REMOVE"))
def a_tag_of_the_stack_less(account: Account, stack: Stack, table: str) -> Iterator[None]:
    account.ec2.delete_tags(Resources=[table], Tags=[{"Key": "app"}])
    yield
    account.ec2.create_tags(Resources=[table], Tags=[{"Key": "app", "Value": "hello"}])


@change("EC2::VPCGatewayAttachment", "network", "InternetGatewayAttachment", ("/InternetGatewayId", "NOT_EQUAL"))
def another_gateway(account: Account, stack: Stack, _: str) -> Iterator[None]:
    ours, vpc = stack.id_of("InternetGateway"), stack.id_of("Vpc")
    other = account.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    account.ec2.detach_internet_gateway(InternetGatewayId=ours, VpcId=vpc)
    account.ec2.attach_internet_gateway(InternetGatewayId=other, VpcId=vpc)
    yield
    account.ec2.detach_internet_gateway(InternetGatewayId=other, VpcId=vpc)
    account.ec2.attach_internet_gateway(InternetGatewayId=ours, VpcId=vpc)


@change("EC2::Route", "network", "PublicRoute", ("/GatewayId", "NOT_EQUAL"))
def another_way_out(account: Account, stack: Stack, _: str) -> Iterator[None]:
    table, ours = stack.id_of("PublicRouteTable"), stack.id_of("InternetGateway")
    route = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}
    other = account.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    account.ec2.replace_route(**route, GatewayId=other)
    yield
    account.ec2.replace_route(**route, GatewayId=ours)


@change("EC2::Subnet", "network", "PublicSubnetA", ("/MapPublicIpOnLaunch", "NOT_EQUAL"))
def no_public_addresses(account: Account, stack: Stack, subnet: str) -> Iterator[None]:
    account.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": False})
    yield
    account.ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})


@change("EC2::VPCEndpoint", "network", "S3Endpoint", ("/RouteTableIds/0", "REMOVE"))
def no_route_to_the_endpoint(account: Account, stack: Stack, endpoint: str) -> Iterator[None]:
    table = stack.id_of("PublicRouteTable")
    account.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, RemoveRouteTableIds=[table])
    yield
    account.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, AddRouteTableIds=[table])


def _rule(port: int, description: str = "") -> list[dict[str, Any]]:
    source = {"CidrIp": "0.0.0.0/0"} | ({"Description": description} if description else {})
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [source]}]


@change("EC2::SecurityGroup", "load-balancer", "SecurityGroup", ("/SecurityGroupIngress/1", "ADD"))
def plain_http_opened(account: Account, stack: Stack, group: str) -> Iterator[None]:
    account.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=_rule(80))
    yield
    account.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=_rule(80))


@change("EC2::SecurityGroup", "load-balancer", "SecurityGroup", ("/SecurityGroupIngress/0", "REMOVE"))
def https_closed(account: Account, stack: Stack, group: str) -> Iterator[None]:
    account.ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=_rule(443))
    yield
    account.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=_rule(443, "HTTPS from clients"))


@change(
    "EC2::SecurityGroup",
    "fleet",
    "SecurityGroup",
    ("/SecurityGroupEgress/0/FromPort", "NOT_EQUAL"),
    ("/SecurityGroupEgress/0/ToPort", "NOT_EQUAL"),
)
def another_port(account: Account, stack: Stack, group: str) -> Iterator[None]:
    described = "HTTPS to AWS, to the registry and to the distribution's packages"
    account.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=_rule(443))
    account.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=_rule(8443, described))
    yield
    account.ec2.revoke_security_group_egress(GroupId=group, IpPermissions=_rule(8443))
    account.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=_rule(443, described))


def _attribute(key: str, value: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value}]


ELB = "ElasticLoadBalancingV2::"


@change(f"{ELB}LoadBalancer", "load-balancer", "LoadBalancer", ("/LoadBalancerAttributes/1/Value", "NOT_EQUAL"))
def idle_for_longer(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    modify = account.elbv2.modify_load_balancer_attributes
    modify(LoadBalancerArn=arn, Attributes=_attribute("idle_timeout.timeout_seconds", "90"))
    yield
    modify(LoadBalancerArn=arn, Attributes=_attribute("idle_timeout.timeout_seconds", "60"))


@change(f"{ELB}LoadBalancer", "load-balancer", "LoadBalancer")
def what_the_template_leaves_out(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    modify = account.elbv2.modify_load_balancer_attributes
    modify(LoadBalancerArn=arn, Attributes=_attribute("routing.http.preserve_host_header.enabled", "true"))
    yield
    modify(LoadBalancerArn=arn, Attributes=_attribute("routing.http.preserve_host_header.enabled", "false"))


@change(f"{ELB}LoadBalancer", "load-balancer", "LoadBalancer")
def subnets_in_another_order(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    found = account.elbv2.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]["AvailabilityZones"]
    subnets = [zone["SubnetId"] for zone in found]
    account.elbv2.set_subnets(LoadBalancerArn=arn, Subnets=subnets[::-1])
    yield
    account.elbv2.set_subnets(LoadBalancerArn=arn, Subnets=subnets)


@change(f"{ELB}TargetGroup", "load-balancer", "TargetGroupBlue", ("/HealthCheckIntervalSeconds", "NOT_EQUAL"))
def checked_less_often(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    account.elbv2.modify_target_group(TargetGroupArn=arn, HealthCheckIntervalSeconds=30)
    yield
    account.elbv2.modify_target_group(TargetGroupArn=arn, HealthCheckIntervalSeconds=5)


@change(f"{ELB}TargetGroup", "load-balancer", "TargetGroupGreen", ("/TargetGroupAttributes/0/Value", "NOT_EQUAL"))
def drained_for_longer(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    modify = account.elbv2.modify_target_group_attributes
    modify(TargetGroupArn=arn, Attributes=_attribute("deregistration_delay.timeout_seconds", "300"))
    yield
    modify(TargetGroupArn=arn, Attributes=_attribute("deregistration_delay.timeout_seconds", "30"))


def _forward(stack: Stack, blue: int, green: int) -> list[dict[str, Any]]:
    weights = {"TargetGroupBlue": blue, "TargetGroupGreen": green}
    groups = [{"TargetGroupArn": stack.id_of(name), "Weight": weight} for name, weight in weights.items()]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


@change(
    f"{ELB}Listener",
    "load-balancer",
    "HttpsListener",
    ("/DefaultActions/0/ForwardConfig/TargetGroups/0/Weight", "NOT_EQUAL"),
    ("/DefaultActions/0/ForwardConfig/TargetGroups/1/Weight", "NOT_EQUAL"),
)
def weights_turned_round(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    account.elbv2.modify_listener(ListenerArn=arn, DefaultActions=_forward(stack, 0, 100))
    yield
    account.elbv2.modify_listener(ListenerArn=arn, DefaultActions=_forward(stack, 100, 0))


@change(f"{ELB}Listener", "load-balancer", "HttpsListener", ("/SslPolicy", "NOT_EQUAL"))
def another_policy(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    account.elbv2.modify_listener(ListenerArn=arn, SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06")
    yield
    account.elbv2.modify_listener(ListenerArn=arn, SslPolicy="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09")


def _header(value: str) -> list[dict[str, Any]]:
    header = {"HttpHeaderName": "X-Fleet-Preview", "Values": [value]}
    return [{"Field": "http-header", "HttpHeaderConfig": header}]


@change(
    f"{ELB}ListenerRule", "load-balancer", "PreviewRuleBlue", ("/Conditions/0/HttpHeaderConfig/Values/0", "NOT_EQUAL")
)
def another_header(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    account.elbv2.modify_rule(RuleArn=arn, Conditions=_header("azure"))
    yield
    account.elbv2.modify_rule(RuleArn=arn, Conditions=_header("blue"))


@change(f"{ELB}ListenerRule", "load-balancer", "PreviewRuleGreen", ("/Actions/0/TargetGroupArn", "NOT_EQUAL"))
def the_other_colour(account: Account, stack: Stack, arn: str) -> Iterator[None]:
    def forward(name: str) -> list[dict[str, str]]:
        return [{"Type": "forward", "TargetGroupArn": stack.id_of(name)}]

    account.elbv2.modify_rule(RuleArn=arn, Actions=forward("TargetGroupBlue"))
    yield
    account.elbv2.modify_rule(RuleArn=arn, Actions=forward("TargetGroupGreen"))
