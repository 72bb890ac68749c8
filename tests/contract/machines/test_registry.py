"""ECR: logging in, pushing and pulling for real, and tags that stay what they were."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.cloud import REGION, Cloud

BASE = "localhost/localcloud/python:bookworm"


class Podman:
    """The host's engine, with the settings that the cloud wrote for it and a login of its own."""

    def __init__(self, cloud: Cloud, directory: Path) -> None:
        (directory / "auth.json").write_text("{}")
        self._environment = {
            **os.environ,
            "CONTAINERS_CONF": str(cloud.state_dir / "containers.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(cloud.state_dir / "registries.conf"),
            "REGISTRY_AUTH_FILE": str(directory / "auth.json"),
        }

    def __call__(self, *words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["podman", *words], env=self._environment, input=given, capture_output=True, text=True, check=False
        )


@pytest.fixture
def podman(cloud: Cloud, tmp_path: Path) -> Podman:
    return Podman(cloud, tmp_path)


@pytest.fixture
def uri(cloud: Cloud) -> Iterator[str]:
    ecr = cloud.client("ecr")
    made = ecr.create_repository(repositoryName="contract", imageTagMutability="IMMUTABLE")["repository"]
    yield made["repositoryUri"]
    ecr.delete_repository(repositoryName="contract", force=True)


def log_in(cloud: Cloud, podman: Podman, ecr: Any = None) -> None:
    token = (ecr or cloud.client("ecr")).get_authorization_token()["authorizationData"][0]
    assert token["proxyEndpoint"] == cloud.endpoint
    user, _, password = base64.b64decode(token["authorizationToken"]).decode().partition(":")
    host = cloud.endpoint.removeprefix("http://")
    outcome = podman("login", "--username", user, "--password-stdin", host, given=password)
    assert outcome.returncode == 0, outcome.stderr


def build(podman: Podman, directory: Path, text: str, name: str) -> None:
    (directory / "Dockerfile").write_text(f"FROM {BASE}\nLABEL text={text}\n")
    outcome = podman("build", "--quiet", "--tag", name, str(directory))
    assert outcome.returncode == 0, outcome.stderr


def test_an_image_makes_the_round_trip_and_its_tag_stays(
    cloud: Cloud, podman: Podman, uri: str, tmp_path: Path
) -> None:
    log_in(cloud, podman)
    name, digest_file = f"{uri}:one", tmp_path / "digest"
    build(podman, tmp_path, "first", name)
    try:
        pushed = podman("push", "--digestfile", str(digest_file), name)
        assert pushed.returncode == 0, pushed.stderr
        digest = digest_file.read_text()
        listed = cloud.client("ecr").describe_images(repositoryName="contract")["imageDetails"]
        assert [(one["imageDigest"], one["imageTags"]) for one in listed] == [(digest, ["one"])]
        podman("rmi", "--force", name)
        pulled = podman("pull", f"{uri}@{digest}")
        assert pulled.returncode == 0, pulled.stderr
        podman("rmi", "--force", f"{uri}@{digest}")

        build(podman, tmp_path, "second", name)
        again = podman("push", name)
        assert again.returncode != 0
        assert "immutable" in again.stderr
    finally:
        podman("rmi", "--force", name)


def test_nobody_pulls_without_logging_in(cloud: Cloud, podman: Podman, uri: str) -> None:
    pulled = podman("pull", f"{uri}:any")
    assert pulled.returncode != 0
    assert "authorization token" in pulled.stderr or "unauthorized" in pulled.stderr.lower()


def test_a_token_gives_no_more_than_its_owner_may(cloud: Cloud, podman: Podman, uri: str, tmp_path: Path) -> None:
    iam, name = cloud.client("iam"), "contract-guest"
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="token", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    try:
        guest = boto3.client(
            "ecr",
            endpoint_url=cloud.endpoint,
            region_name=REGION,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )
        log_in(cloud, podman, guest)
        build(podman, tmp_path, "guest", f"{uri}:guest")
        pushed = podman("push", f"{uri}:guest")
        assert pushed.returncode != 0
        assert "403 (Forbidden)" in pushed.stderr
        assert cloud.client("ecr").describe_images(repositoryName="contract")["imageDetails"] == []
    finally:
        podman("rmi", "--force", f"{uri}:guest")
        iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=name, PolicyName="token")
        iam.delete_user(UserName=name)
