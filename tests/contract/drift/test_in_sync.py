"""A fresh deployment of every template of ours is in sync, and nothing of it is left unchecked."""

from __future__ import annotations

import json

from localcloud.control_plane.cloudformation.properties import REFUSED_TYPES
from tests.contract.drift.cloud import Cloud, types_in_templates


def test_no_type_is_left_unchecked(cloud: Cloud) -> None:
    checked: set[str] = set()
    for stack in cloud.stacks.values():
        _, drifts = stack.drift()
        for logical_id, resource in stack.resources.items():
            assert logical_id in drifts, f"{resource['ResourceType']} is NOT_CHECKED"
            checked.add(resource["ResourceType"])
        described = cloud.account.cloudformation.describe_stack_resources(StackName=stack.name)["StackResources"]
        statuses = {one["LogicalResourceId"]: one["DriftInformation"]["StackResourceDriftStatus"] for one in described}
        assert "NOT_CHECKED" not in statuses.values(), statuses
    assert checked >= types_in_templates() - REFUSED_TYPES.keys()


def test_a_fresh_deployment_is_in_sync(cloud: Cloud) -> None:
    for stack in cloud.stacks.values():
        status, drifts = stack.drift()
        assert stack.differences() == {}
        assert status == "IN_SYNC"
        assert {drift["StackResourceDriftStatus"] for drift in drifts.values()} == {"IN_SYNC"}


def test_everything_that_a_template_sets_is_compared(cloud: Cloud) -> None:
    """Guide: "CloudFormation only determines drift for property values that are explicitly set"; all of those, then."""
    uncompared = {("AWS::ECR::Repository", "EmptyOnDelete"), ("AWS::KMS::Key", "PendingWindowInDays")}
    for stack in cloud.stacks.values():
        template = cloud.account.cloudformation.get_template(StackName=stack.name, TemplateStage="Processed")
        for logical_id, drift in stack.drift()[1].items():
            expected, actual = json.loads(drift["ExpectedProperties"]), json.loads(drift["ActualProperties"])
            assert expected == actual, logical_id
            body = template["TemplateBody"]
            if isinstance(body, dict):
                given = set(body["Resources"][logical_id].get("Properties", {}))
                left_out = {(drift["ResourceType"], name) for name in given - set(expected)}
                absent = {name for name in left_out if name[1] == "RepositoryPolicyText"}
                assert left_out - absent <= uncompared


def test_what_the_stack_itself_changes_is_no_drift(cloud: Cloud) -> None:
    """The fleet's update makes a version of the launch template, which the group then launches from."""
    fleet, balancer = cloud.stacks["fleet"], cloud.stacks["load-balancer"]
    assert fleet.update(HealthCheckGracePeriodSeconds="90", LogRetentionDays="60") == "UPDATE_COMPLETE"
    assert balancer.update(WeightBlue="0", WeightGreen="100") == "UPDATE_COMPLETE", balancer.reasons()
    assert fleet.differences() == balancer.differences() == {}
    assert fleet.update(HealthCheckGracePeriodSeconds="60", LogRetentionDays="30") == "UPDATE_COMPLETE"
    assert balancer.update(WeightBlue="100", WeightGreen="0") == "UPDATE_COMPLETE", balancer.reasons()
    assert fleet.differences() == balancer.differences() == {}


def test_an_update_that_is_rolled_back_leaves_no_drift(cloud: Cloud) -> None:
    balancer = cloud.stacks["load-balancer"]
    missing = "arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-0000-0000-000000000000"
    assert balancer.update(CertificateArn=missing, HealthCheckIntervalSeconds="20") == "UPDATE_ROLLBACK_COMPLETE"
    assert balancer.differences() == {}


def test_every_template_passes_validation_in_a_change_set(cloud: Cloud) -> None:
    api = cloud.account.cloudformation
    for name, stack in cloud.stacks.items():
        made = api.create_change_set(
            StackName=f"other-{name}",
            ChangeSetName="plan",
            ChangeSetType="CREATE",
            TemplateBody=stack.body,
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()],
        )
        found = api.describe_change_set(ChangeSetName=made["Id"])
        events = api.describe_events(ChangeSetName=made["Id"])["OperationEvents"]
        assert (found["Status"], events) == ("CREATE_COMPLETE", [])
        api.delete_stack(StackName=f"other-{name}")
