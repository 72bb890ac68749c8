"""What preflight asks an account: GetServiceQuota (Service Quotas API reference), DescribeInstanceTypes (EC2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

from localcloud.settings import Settings
from tests.cloud import aws_client
from tests.contract.control_plane import free_port, serving


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(tmp_path_factory.mktemp("quotas"), port=free_port())
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield endpoint


@pytest.mark.parametrize(
    ("service", "code", "name"),
    [
        ("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"),
        ("vpc", "L-F678F1CE", "VPCs per Region"),
        ("elasticloadbalancing", "L-53DA6B97", "Application Load Balancers per Region"),
    ],
)
def test_a_quota_has_a_name_and_a_value(endpoint: str, service: str, code: str, name: str) -> None:
    quota = aws_client(endpoint, "service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)["Quota"]
    assert (quota["QuotaName"], quota["ServiceCode"], quota["Adjustable"]) == (name, service, True)
    assert quota["Value"] > 5


def test_an_unknown_quota_is_no_such_resource(endpoint: str) -> None:
    with pytest.raises(ClientError) as caught:
        aws_client(endpoint, "service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode="L-00000000")
    assert caught.value.response["Error"]["Code"] == "NoSuchResourceException"


def test_an_instance_type_has_its_processors(endpoint: str) -> None:
    found = aws_client(endpoint, "ec2").describe_instance_types(InstanceTypes=["t3.small", "m7g.xlarge"])
    sizes = {
        one["InstanceType"]: (one["VCpuInfo"]["DefaultVCpus"], one["MemoryInfo"]["SizeInMiB"])
        for one in found["InstanceTypes"]
    }
    assert sizes == {"t3.small": (2, 2048), "m7g.xlarge": (4, 16384)}


def test_an_instance_type_that_no_machine_can_have_is_refused_by_name(endpoint: str) -> None:
    with pytest.raises(ClientError, match=r"localcloud does not support p5\.48xlarge yet"):
        aws_client(endpoint, "ec2").describe_instance_types(InstanceTypes=["t3.small", "p5.48xlarge"])
