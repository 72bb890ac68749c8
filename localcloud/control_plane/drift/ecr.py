"""Repositories, as ECR has them now."""

from __future__ import annotations

from ministack.services import ecr

from localcloud.control_plane.cloudformation.values import parsed
from localcloud.control_plane.drift.readers import Properties, present, register, tag_list


def install() -> None:
    # EmptyOnDelete tells CloudFormation how to delete; ECR does not know it.
    register("AWS::ECR::Repository", _repository, "EmptyOnDelete")


def _repository(name: str, _: Properties) -> Properties | None:
    record = ecr._repositories.get(name)
    if record is None:
        return None
    lifecycle = ecr._lifecycle_policies.get(name)
    policy = ecr._repo_policies.get(name)
    return present(
        RepositoryName=record["repositoryName"],
        ImageTagMutability=record["imageTagMutability"],
        ImageScanningConfiguration={"ScanOnPush": record["imageScanningConfiguration"]["scanOnPush"]},
        EncryptionConfiguration={"EncryptionType": record["encryptionConfiguration"]["encryptionType"]},
        LifecyclePolicy={"LifecyclePolicyText": lifecycle} if lifecycle else None,
        RepositoryPolicyText=parsed(policy) if policy else None,
        Tags=tag_list(record.get("tags")),
    )
