"""The instance metadata service. Source: EC2 User Guide, "Instance metadata categories"."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator

import pytest

from localcloud.desired import MachineSpec, RoleCredentials
from localcloud.machines.metadata import PORT, MetadataService

SPEC = MachineSpec(
    instance_id="i-0123456789abcdef0",
    account="123456789012",
    region="us-east-1",
    zone="us-east-1b",
    private_address="127.97.1.1",
    image_id="ami-1",
    instance_type="t3.micro",
    user_data=b"#!/bin/sh\n",
    role_name="machine",
)
CREDENTIALS = RoleCredentials("ASIAEXAMPLE", "secret", "token", time.time() + 3600)


@pytest.fixture(scope="module")
def service() -> Iterator[MetadataService]:
    service = MetadataService(lambda spec: CREDENTIALS)
    service.add(SPEC)
    yield service
    service.close()


def ask(path: str, method: str = "GET", headers: dict[str, str] | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(SPEC.private_address, PORT, timeout=5)
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


@pytest.fixture(scope="module")
def token(service: MetadataService) -> str:
    status, text = ask("/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    assert status == 200
    return text


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("meta-data/instance-id", SPEC.instance_id),
        ("meta-data/local-ipv4", SPEC.private_address),
        ("meta-data/placement/availability-zone", "us-east-1b"),
        ("meta-data/placement/region", "us-east-1"),
        ("meta-data/instance-type", "t3.micro"),
        ("meta-data/iam/security-credentials/", "machine"),
        ("user-data", "#!/bin/sh\n"),
    ],
)
def test_tells_an_instance_about_itself(token: str, path: str, answer: str) -> None:
    assert ask(f"/latest/{path}", headers={"X-aws-ec2-metadata-token": token}) == (200, answer)


def test_hands_out_the_credentials_of_the_role(token: str) -> None:
    path = "/latest/meta-data/iam/security-credentials/machine"
    found = json.loads(ask(path, headers={"X-aws-ec2-metadata-token": token})[1])
    assert (found["Code"], found["AccessKeyId"], found["Token"]) == ("Success", "ASIAEXAMPLE", "token")


def test_the_identity_document_names_account_and_zone(token: str) -> None:
    path = "/latest/dynamic/instance-identity/document"
    found = json.loads(ask(path, headers={"X-aws-ec2-metadata-token": token})[1])
    assert (found["accountId"], found["availabilityZone"]) == ("123456789012", "us-east-1b")


@pytest.mark.parametrize("headers", [{}, {"X-aws-ec2-metadata-token": "made-up"}])
def test_tells_nothing_without_a_session_token(service: MetadataService, headers: dict[str, str]) -> None:
    assert ask("/latest/meta-data/instance-id", headers=headers) == (401, "")


def test_what_is_unknown_is_not_found(token: str) -> None:
    assert ask("/latest/meta-data/spot/termination-time", headers={"X-aws-ec2-metadata-token": token})[0] == 404


@pytest.mark.parametrize("seconds", ["0", "21601", "soon"])
def test_a_token_lives_six_hours_at_most(service: MetadataService, seconds: str) -> None:
    assert ask("/latest/api/token", "PUT", {"X-aws-ec2-metadata-token-ttl-seconds": seconds})[0] == 400


def test_an_instance_that_is_gone_is_told_nothing() -> None:
    service = MetadataService(lambda spec: None)
    other = MachineSpec(**{**SPEC.__dict__, "private_address": "127.97.1.2"})
    service.add(other)
    service.remove(other.instance_id)
    connection = http.client.HTTPConnection(other.private_address, PORT, timeout=2)
    with pytest.raises(OSError, match="refused"):
        connection.request("GET", "/")
