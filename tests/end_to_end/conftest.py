"""One deployed environment, shared by the tests that only look at it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.client import certificate_from_acm
from tests.cloud import Cloud, PlaybookRun


@dataclass(frozen=True)
class Deployed:
    """The environment `local` after its first `site.yml`."""

    cloud: Cloud
    first_run: PlaybookRun
    certificate: Path

    @property
    def host(self) -> str:
        return self.outputs("hello-local-load-balancer")["LoadBalancerDnsName"]

    def outputs(self, stack: str) -> dict[str, str]:
        (description,) = self.cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}

    def instances_in_service(self) -> list[str]:
        (group,) = self.cloud.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=["hello-local-blue"]
        )["AutoScalingGroups"]
        return [item["InstanceId"] for item in group["Instances"] if item["LifecycleState"] == "InService"]

    def healthy(self) -> list[str]:
        health = self.cloud.client("elbv2").describe_target_health(
            TargetGroupArn=self.outputs("hello-local-load-balancer")["TargetGroupArnBlue"]
        )
        return [
            item["Target"]["Id"]
            for item in health["TargetHealthDescriptions"]
            if item["TargetHealth"]["State"] == "healthy"
        ]


def everything(cloud: Cloud) -> dict[str, Any]:
    """What the environment's API knows, for telling whether anything was written."""
    cloudformation = cloud.client("cloudformation")
    acm = cloud.client("acm")
    stacks = sorted(
        (stack["StackId"], stack["StackStatus"], str(stack.get("LastUpdatedTime")))
        for stack in cloudformation.describe_stacks()["Stacks"]
    )
    change_sets = [
        change_set["ChangeSetId"]
        for stack_id, *_ in stacks
        for change_set in cloudformation.list_change_sets(StackName=stack_id)["Summaries"]
    ]
    certificates = acm.list_certificates(Includes={"keyTypes": ["EC_prime256v1"]})["CertificateSummaryList"]
    ecr = cloud.client("ecr")
    repositories = [repository["repositoryName"] for repository in ecr.describe_repositories()["repositories"]]
    images = [
        image for repository in repositories for image in ecr.list_images(repositoryName=repository).get("imageIds", [])
    ]
    return {
        "stacks": stacks,
        "change sets": change_sets,
        "certificates": sorted(certificate["CertificateArn"] for certificate in certificates),
        "repositories": repositories,
        "images": sorted(map(str, images)),
    }


@pytest.fixture(scope="session")
def deployed(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    run = cloud.playbook("site.yml")
    assert run.status == 0, run.output
    return Deployed(cloud, run, certificate_from_acm(cloud, tmp_path_factory.mktemp("certificates")))
