"""Security groups: EC2 keeps permissions with several sources each, a template has one rule per source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ministack.services import ec2

from localcloud.control_plane.drift.readers import Properties, present, tag_list

PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
"""Numbers that EC2 answers as names (propertyTransform in the type's schema)."""


def read(group_id: str, expected: Properties) -> Properties | None:
    record = ec2._security_groups.get(group_id)
    return record and {
        "GroupName": record["GroupName"],
        "GroupDescription": record["Description"],
        "VpcId": record["VpcId"],
        "SecurityGroupIngress": list(_rules(record.get("IpPermissions"), "Source")),
        "SecurityGroupEgress": list(_rules(record.get("IpPermissionsEgress"), "Destination")),
        "Tags": tag_list(ec2._tags.get(group_id)),
    }


def _rules(permissions: Any, side: str) -> Iterator[Mapping[str, Any]]:
    for permission in permissions or ():
        protocol = str(permission.get("IpProtocol"))
        common = present(
            IpProtocol=PROTOCOLS.get(protocol, protocol),
            FromPort=permission.get("FromPort"),
            ToPort=permission.get("ToPort"),
        )
        for members, source, name in (
            ("IpRanges", "CidrIp", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
            ("PrefixListIds", "PrefixListId", f"{side}PrefixListId"),
            ("UserIdGroupPairs", "GroupId", f"{side}SecurityGroupId"),
        ):
            for entry in permission.get(members) or ():
                yield {**common, **present(**{name: entry.get(source), "Description": entry.get("Description")})}
