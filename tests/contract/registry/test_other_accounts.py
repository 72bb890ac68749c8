"""Another account's repository: what its policy allows and no more.

"Cross-account policy evaluation logic" (IAM User Guide): a request across accounts needs a resource-based policy that
allows it. The words are those of "Access denied due to a resource-based policy - implicit denial" (IAM User Guide,
"Troubleshoot access denied error messages").
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped, unused-ignore]

from localcloud.settings import Settings
from tests.cloud import ACCOUNT, PROJECT, REGION, aws_client
from tests.contract.control_plane import free_port, serving
from tests.waiting import eventually

PULLING, STRANGE = "222222222222", "333333333333"
MANIFEST = json.dumps({"schemaVersion": 2, "layers": []})
DIGEST = "sha256:" + hashlib.sha256(MANIFEST.encode()).hexdigest()
ARN = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/shared"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = Settings(tmp_path_factory.mktemp("registry"), port=free_port())
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def shared(endpoint: str) -> None:
    """A repository of our template, which lets one account pull, with one image."""
    stacks = aws_client(endpoint, "cloudformation")
    stacks.create_stack(
        StackName="registry",
        TemplateBody=(PROJECT / "cloudformation" / "registry.yml").read_text(),
        Parameters=[
            {"ParameterKey": "RepositoryName", "ParameterValue": "shared"},
            {"ParameterKey": "PullAccountIds", "ParameterValue": PULLING},
        ],
    )
    assert eventually(
        lambda: stacks.describe_stacks(StackName="registry")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE",
        seconds=30,
    )
    image = {"repositoryName": "shared", "imageManifest": MANIFEST, "imageTag": "one"}
    aws_client(endpoint, "ecr").put_image(**image)


def ecr(endpoint: str, account: str) -> Any:
    """A client as the root user of an account."""
    return aws_client(endpoint, "ecr", aws_access_key_id=account)


def refusal(ask: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        ask(registryId=ACCOUNT, repositoryName="shared", **arguments)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    return str(caught.value.response["Error"]["Message"])


@pytest.mark.usefixtures("shared")
def test_is_refused_where_no_policy_allows_it(endpoint: str) -> None:
    assert refusal(ecr(endpoint, STRANGE).describe_images) == (
        f"User: arn:aws:iam::{STRANGE}:root is not authorized to perform: ecr:DescribeImages on resource: {ARN} "
        "because no resource-based policy allows the ecr:DescribeImages action"
    )


@pytest.mark.usefixtures("shared")
def test_an_account_that_pulls_finds_a_digest_by_its_tag(endpoint: str) -> None:
    asked = {"registryId": ACCOUNT, "repositoryName": "shared", "imageIds": [{"imageTag": "one"}]}
    (image,) = ecr(endpoint, PULLING).describe_images(**asked)["imageDetails"]
    assert (image["registryId"], image["imageDigest"]) == (ACCOUNT, DIGEST)
    (found,) = ecr(endpoint, PULLING).batch_get_image(**asked)["images"]
    assert found["imageManifest"] == MANIFEST


@pytest.mark.usefixtures("shared")
def test_an_account_that_pulls_may_do_nothing_else(endpoint: str) -> None:
    pulling = ecr(endpoint, PULLING)
    assert "ecr:PutImage" in refusal(pulling.put_image, imageManifest=MANIFEST, imageTag="two")
    assert "ecr:BatchDeleteImage" in refusal(pulling.batch_delete_image, imageIds=[{"imageTag": "one"}])
    assert "ecr:SetRepositoryPolicy" in refusal(pulling.set_repository_policy, policyText="{}")


@pytest.mark.usefixtures("shared")
def test_an_explicit_deny_is_told_as_such(endpoint: str) -> None:
    owner = ecr(endpoint, ACCOUNT)
    owner.create_repository(repositoryName="closed")
    everybody: dict[str, Any] = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
    one = {"Effect": "Deny", "Principal": {"AWS": f"arn:aws:iam::{STRANGE}:root"}, "Action": "ecr:DescribeImages"}
    policy = {"Version": "2012-10-17", "Statement": [everybody, one]}
    owner.set_repository_policy(repositoryName="closed", policyText=json.dumps(policy))
    asked = {"registryId": ACCOUNT, "repositoryName": "closed"}
    assert ecr(endpoint, PULLING).describe_images(**asked)["imageDetails"] == []
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        ecr(endpoint, STRANGE).describe_images(**asked)


@pytest.mark.usefixtures("shared")
def test_its_own_account_needs_no_policy(endpoint: str) -> None:
    found = ecr(endpoint, ACCOUNT).describe_images(registryId=ACCOUNT, repositoryName="shared")["imageDetails"]
    assert [image["imageDigest"] for image in found] == [DIGEST]
