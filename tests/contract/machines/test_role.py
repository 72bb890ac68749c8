"""An instance may do what its role lets it, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import Cloud
from tests.contract.machines.test_instances import Machines

TRUSTED = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
TRUST = {"Version": "2012-10-17", "Statement": [TRUSTED]}
LOG_GROUP = "/contract/role"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"arn:aws:logs:*:*:log-group:{LOG_GROUP}:*",
        }
    ],
}
SCRIPT = f"""#!/bin/bash
export AWS_DEFAULT_REGION=us-east-1
aws sts get-caller-identity --query Arn --output text
aws logs create-log-stream --log-group-name {LOG_GROUP} --log-stream-name mine && echo allowed
aws logs create-log-stream --log-group-name /contract/other --log-stream-name mine || echo refused: group
aws ec2 describe-instances || echo refused: service
"""


@pytest.fixture
def profile(cloud: Cloud, request: pytest.FixtureRequest) -> Iterator[str]:
    iam, logs, name = cloud.client("iam"), cloud.client("logs"), "contract-machine"
    trust: dict[str, Any] = getattr(request, "param", TRUST)
    for group in (LOG_GROUP, "/contract/other"):
        logs.create_log_group(logGroupName=group)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=json.dumps(POLICY))
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    yield name
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    iam.delete_instance_profile(InstanceProfileName=name)
    iam.delete_role_policy(RoleName=name, PolicyName="only")
    iam.delete_role(RoleName=name)
    for group in (LOG_GROUP, "/contract/other"):
        logs.delete_log_group(logGroupName=group)


@pytest.fixture
def machines(cloud: Cloud) -> Iterator[Machines]:
    machines = Machines(cloud)
    yield machines
    machines.terminate_all()


def test_the_role_is_the_limit(machines: Machines, profile: str) -> None:
    name = machines.run(SCRIPT, IamInstanceProfile={"Name": profile})["InstanceId"]
    console = machines.console(name)
    assert f":assumed-role/{profile}/{name}" in console
    assert "allowed\n" in console
    assert "refused: group" in console
    assert "refused: service" in console


@pytest.mark.parametrize(
    "profile",
    [
        {
            "Version": "2012-10-17",
            "Statement": [{**TRUSTED, "Principal": {"Service": "lambda.amazonaws.com"}}],
        }
    ],
    indirect=True,
)
def test_a_role_that_does_not_trust_ec2_gives_no_credentials(machines: Machines, profile: str) -> None:
    name = machines.run(SCRIPT, IamInstanceProfile={"Name": profile})["InstanceId"]
    assert "Unable to locate credentials" in machines.console(name)
