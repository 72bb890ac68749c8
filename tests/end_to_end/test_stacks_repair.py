"""Stacks in the states that a failed or abandoned operation leaves: the cause is named, and the next run repairs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud import ACCOUNT, PROJECT, REGION, Cloud, PlaybookRun

pytestmark = pytest.mark.timeout(600)

STACKS = "tests/end_to_end/playbooks/stacks.yml"
MISSING_CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/00000000-0000-0000-0000-000000000000"


def converge(cloud: Cloud, app_name: str, **variables: Any) -> PlaybookRun:
    return cloud.playbook(STACKS, variables={"app_name": app_name, **variables})


def status(cloud: Cloud, stack: str) -> str:
    return str(cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def await_end(cloud: Cloud, stack: str) -> None:
    cloud.client("cloudformation").get_waiter("stack_delete_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def assert_named(run: PlaybookRun, stack: str, ended: str, event: str) -> None:
    """The message begins with the first failing resource, and nothing that failed because of it is in it."""
    assert run.status != 0
    (line,) = [line for line in run.output.splitlines() if line.startswith("[ERROR]")]
    assert f"{stack} ended {ended} after " in line
    cause = line.partition(" s. ")[2]
    assert cause.startswith(f"HttpsListener (AWS::ElasticLoadBalancingV2::Listener) {event}: "), line
    assert MISSING_CERTIFICATE in cause or "CertificateNotFound" in cause, line
    assert "cancelled" not in cause.lower()
    assert "The following resource(s) failed" not in cause


def test_a_stack_that_never_came_to_life_is_explained_deleted_and_made_again(cloud: Cloud) -> None:
    stack = "cause-local-load-balancer"
    failed = converge(cloud, "cause", certificate_arn=MISSING_CERTIFICATE)
    assert_named(failed, stack, "ROLLBACK_COMPLETE", "CREATE_FAILED")
    assert status(cloud, stack) == "ROLLBACK_COMPLETE"

    planned = cloud.playbook(STACKS, "--check", "--diff", variables={"app_name": "cause"})
    assert planned.status == 0, planned.output
    assert "ROLLBACK_COMPLETE: it is deleted first and created again" in planned.output
    assert status(cloud, stack) == "ROLLBACK_COMPLETE"

    repaired = converge(cloud, "cause")
    assert repaired.status == 0, repaired.output
    assert f"{stack} is ROLLBACK_COMPLETE, it never came to life: deleting it" in repaired.output
    assert status(cloud, stack) == "CREATE_COMPLETE"
    again = converge(cloud, "cause")
    assert (again.status, again.changed) == (0, 0), again.output

    # An update that fails is rolled back by CloudFormation, and the next run needs no repair.
    allowed = ["HttpsListener", "PreviewRuleBlue", "PreviewRuleGreen"]
    update = converge(cloud, "cause", certificate_arn=MISSING_CERTIFICATE, stack_allow_replace_or_delete=allowed)
    assert_named(update, stack, "UPDATE_ROLLBACK_COMPLETE", "UPDATE_FAILED")
    after = converge(cloud, "cause")
    assert (after.status, after.changed) == (0, 0), after.output


def test_an_abandoned_change_set_is_removed_and_somebody_elses_is_not(cloud: Cloud) -> None:
    cloudformation = cloud.client("cloudformation")
    stack = "review-registry"
    template = (PROJECT / "cloudformation/registry.yml").read_text()
    request = {
        "StackName": stack,
        "TemplateBody": template,
        "Parameters": [{"ParameterKey": "RepositoryName", "ParameterValue": "review"}],
    }
    cloudformation.create_change_set(**request, ChangeSetName="for-review", ChangeSetType="CREATE")
    assert status(cloud, stack) == "REVIEW_IN_PROGRESS"
    refused = converge(cloud, "review")
    assert refused.status != 0
    message = " ".join(refused.output.split())
    assert f"{stack} waits for somebody's review of change set for-review" in message
    assert f"aws cloudformation delete-stack --region {REGION} --stack-name {stack}" in message
    assert status(cloud, stack) == "REVIEW_IN_PROGRESS"

    # Left by a run of ours that was killed: nobody reviews it.
    cloudformation.delete_stack(StackName=stack)
    cloudformation.create_change_set(**request, ChangeSetName="ansible-abandoned", ChangeSetType="CREATE")
    assert status(cloud, stack) == "REVIEW_IN_PROGRESS"
    repaired = converge(cloud, "review")
    assert repaired.status == 0, repaired.output
    assert f"{stack} is REVIEW_IN_PROGRESS" in repaired.output
    assert status(cloud, stack) == "CREATE_COMPLETE"

    more = [*request["Parameters"], {"ParameterKey": "KeepImages", "ParameterValue": "40"}]
    for name in ("ansible-abandoned", "for-review"):
        cloudformation.create_change_set(**{**request, "Parameters": more}, ChangeSetName=name, ChangeSetType="UPDATE")
    updated = converge(cloud, "review", registry_keep_images=31)
    assert updated.status == 0, updated.output
    left = {item["ChangeSetName"] for item in cloudformation.list_change_sets(StackName=stack)["Summaries"]}
    assert "ansible-abandoned" not in left
    again = converge(cloud, "review", registry_keep_images=31)
    assert (again.status, again.changed) == (0, 0), again.output


def test_a_deletion_that_failed_is_answered_with_its_remedy_and_then_repaired(cloud: Cloud) -> None:
    cloudformation, ec2 = cloud.client("cloudformation"), cloud.client("ec2")
    first = converge(cloud, "stuck")
    assert first.status == 0, first.output
    network, balancer = "stuck-local-network", "stuck-local-load-balancer"
    (description,) = cloudformation.describe_stacks(StackName=network)["Stacks"]
    vpc = {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}["VpcId"]
    # Somebody's own subnet: the VPC cannot be deleted while it is there.
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.10.200.0/24")["Subnet"]["SubnetId"]
    identifiers = {
        stack: cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackId"] for stack in (balancer, network)
    }
    for stack in (balancer, network):
        cloudformation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=balancer)
    await_end(cloud, identifiers[balancer])
    cloudformation.delete_stack(StackName=network)
    with pytest.raises(Exception, match="DELETE_FAILED"):
        await_end(cloud, identifiers[network])

    refused = converge(cloud, "stuck")
    assert refused.status != 0
    message = " ".join(refused.output.split())
    assert "Vpc (AWS::EC2::VPC) DELETE_FAILED: " in message
    assert (
        f"aws cloudformation delete-stack --region {REGION} --stack-name {network} --deletion-mode FORCE_DELETE_STACK"
    ) in message

    ec2.delete_subnet(SubnetId=subnet)
    repaired = converge(cloud, "stuck")
    assert repaired.status == 0, json.dumps(repaired.output)
    assert status(cloud, network) == status(cloud, balancer) == "CREATE_COMPLETE"
    again = converge(cloud, "stuck")
    assert (again.status, again.changed) == (0, 0), again.output
