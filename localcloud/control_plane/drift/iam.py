"""Roles, policies and instance profiles, as IAM has them now."""

from __future__ import annotations

from ministack.services import iam

from localcloud.control_plane.cloudformation.values import parsed
from localcloud.control_plane.drift.readers import Properties, present, register, tag_list


def install() -> None:
    register("AWS::IAM::InstanceProfile", _instance_profile)
    register("AWS::IAM::ManagedPolicy", _managed_policy)
    register("AWS::IAM::Role", _role)


def _role(name: str, _: Properties) -> Properties | None:
    record = iam._roles.get(name)
    return record and present(
        RoleName=record["RoleName"],
        Path=record.get("Path", "/"),
        Description=record.get("Description") or None,
        MaxSessionDuration=record.get("MaxSessionDuration"),
        AssumeRolePolicyDocument=parsed(record["AssumeRolePolicyDocument"]),
        ManagedPolicyArns=list(record.get("AttachedPolicies") or ()),
        PermissionsBoundary=record.get("PermissionsBoundary") or None,
        Policies=[
            {"PolicyName": policy, "PolicyDocument": parsed(document)}
            for policy, document in (record.get("InlinePolicies") or {}).items()
        ],
        Tags=tag_list(record.get("Tags")),
    )


def _instance_profile(arn: str, _: Properties) -> Properties | None:
    """The stack engine refers to a profile by its ARN."""
    for record in iam._instance_profiles.values():
        if arn in (record["Arn"], record["InstanceProfileName"]):
            return {
                "InstanceProfileName": record["InstanceProfileName"],
                "Path": record.get("Path", "/"),
                "Roles": list(record.get("Roles") or ()),
            }
    return None


def _managed_policy(arn: str, _: Properties) -> Properties | None:
    record = iam._policies.get(arn)
    return record and present(
        ManagedPolicyName=record["PolicyName"],
        Path=record.get("Path", "/"),
        Description=record.get("Description") or None,
        PolicyDocument=parsed(record["Versions"][record["DefaultVersionId"]]["Document"]),
        Roles=[name for name, role in iam._roles.items() if arn in (role.get("AttachedPolicies") or ())],
    )
