"""Network resources, as EC2 has them now."""

from __future__ import annotations

from typing import Any

from ministack.services import ec2

from localcloud.control_plane.drift.readers import Properties, present, register, tag_list
from localcloud.control_plane.drift.security_groups import read as security_group


def install() -> None:
    register("AWS::EC2::InternetGateway", _internet_gateway)
    register("AWS::EC2::Route", _route)
    register("AWS::EC2::RouteTable", _route_table)
    register("AWS::EC2::SecurityGroup", security_group)
    register("AWS::EC2::Subnet", _subnet)
    register("AWS::EC2::SubnetRouteTableAssociation", _route_table_association)
    register("AWS::EC2::VPC", _vpc)
    register("AWS::EC2::VPCEndpoint", _endpoint)
    register("AWS::EC2::VPCGatewayAttachment", _gateway_attachment)


def _vpc(vpc_id: str, _: Properties) -> Properties | None:
    record = ec2._vpcs.get(vpc_id)
    return record and {
        "CidrBlock": record["CidrBlock"],
        "InstanceTenancy": record["InstanceTenancy"],
        # Defaults of CreateVpc.
        "EnableDnsSupport": record.get("EnableDnsSupport", True),
        "EnableDnsHostnames": record.get("EnableDnsHostnames", False),
        "Tags": tag_list(ec2._tags.get(vpc_id)),
    }


def _subnet(subnet_id: str, _: Properties) -> Properties | None:
    record = ec2._subnets.get(subnet_id)
    return record and {
        "VpcId": record["VpcId"],
        "CidrBlock": record["CidrBlock"],
        "AvailabilityZone": record["AvailabilityZone"],
        "MapPublicIpOnLaunch": record["MapPublicIpOnLaunch"],
        "Tags": tag_list(ec2._tags.get(subnet_id)),
    }


def _internet_gateway(gateway_id: str, _: Properties) -> Properties | None:
    return {"Tags": tag_list(ec2._tags.get(gateway_id))} if gateway_id in ec2._internet_gateways else None


def _gateway_attachment(_: str, expected: Properties) -> Properties | None:
    """Of the VPC there can be one: another gateway in its place is a change, none is a deletion."""
    vpc_id = expected.get("VpcId")
    for gateway_id, record in ec2._internet_gateways.items():
        if any(attachment.get("VpcId") == vpc_id for attachment in record["Attachments"]):
            return {"VpcId": vpc_id, "InternetGatewayId": gateway_id}
    return None


def _route_table(table_id: str, _: Properties) -> Properties | None:
    record = ec2._route_tables.get(table_id)
    return record and {"VpcId": record["VpcId"], "Tags": tag_list(ec2._tags.get(table_id))}


def _route(_: str, expected: Properties) -> Properties | None:
    table = ec2._route_tables.get(expected.get("RouteTableId"))
    for route in table["Routes"] if table else ():
        if route.get("DestinationCidrBlock") == expected.get("DestinationCidrBlock"):
            return {**route, "RouteTableId": expected["RouteTableId"]}
    return None


def _route_table_association(association_id: str, _: Properties) -> Properties | None:
    for table_id, table in ec2._route_tables.items():
        for association in table["Associations"]:
            if association["RouteTableAssociationId"] == association_id:
                return present(RouteTableId=table_id, SubnetId=association.get("SubnetId"))
    return None


def _endpoint(endpoint_id: str, _: Properties) -> Properties | None:
    record: dict[str, Any] | None = ec2._vpc_endpoints.get(endpoint_id)
    return record and present(
        VpcId=record["VpcId"],
        ServiceName=record["ServiceName"],
        VpcEndpointType=record["VpcEndpointType"],
        RouteTableIds=record["RouteTableIds"],
        PolicyDocument=record.get("PolicyDocument"),
        Tags=tag_list(ec2._tags.get(endpoint_id)),
    )
