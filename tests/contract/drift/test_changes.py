"""What is changed with a service's own API is found as exactly that property, and what is set right is in sync.

Sources: "Detect unmanaged configuration changes to stacks and resources with drift detection" (CloudFormation guide);
StackResourceDrift and PropertyDifference (API reference).
"""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from localcloud.control_plane.cloudformation.properties import REFUSED_TYPES
from tests.contract.drift import alarm_changes, fleet_changes, network_changes
from tests.contract.drift.change import CHANGES, Change
from tests.contract.drift.cloud import Account, Cloud, Stack, types_in_templates

MODULES = (alarm_changes, fleet_changes, network_changes)

ONLY_DELETED = {"AWS::SNS::Subscription", "AWS::EC2::SubnetRouteTableAssociation"}
"""Without a property that can be changed: another value is another subscription or association, with another id."""


def test_no_type_is_left_out() -> None:
    changed = {change.kind for change in CHANGES if change.finds}
    assert changed | ONLY_DELETED >= types_in_templates() - REFUSED_TYPES.keys()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_change_is_found_as_what_it_is_and_set_right_again(cloud: Cloud, change: Change) -> None:
    stack = cloud.stacks[change.stack]
    steps = change.act(cloud.account, stack, stack.id_of(change.resource))
    assert stack.differences() == {}
    next(steps)
    try:
        found = {name: [each[:2] for each in differences] for name, differences in stack.differences().items()}
        status, drifts = stack.drift()
    finally:
        next(steps, None)
    assert found == ({change.resource: sorted(change.finds)} if change.finds else {})
    assert status == ("DRIFTED" if change.finds else "IN_SYNC")
    assert stack.differences() == {}
    _values_are_those_of_the_properties(drifts[change.resource])


def _values_are_those_of_the_properties(drift: dict[str, object]) -> None:
    """PropertyPath leads to the values in ExpectedProperties and ActualProperties."""
    for difference in drift.get("PropertyDifferences") or ():  # type: ignore[attr-defined]
        kind, path = difference["DifferenceType"], difference["PropertyPath"]
        assert (difference["ExpectedValue"] == "null") == (kind == "ADD")
        assert (difference["ActualValue"] == "null") == (kind == "REMOVE")
        for side, absent in (("Expected", "ADD"), ("Actual", "REMOVE")):
            if kind != absent:
                value = json.loads(str(drift[f"{side}Properties"]))
                for part in path.split("/")[1:]:
                    value = value[int(part) if isinstance(value, list) else part]
                given = difference[f"{side}Value"]
                assert given == value if isinstance(value, str) else json.loads(given) == value


@pytest.fixture
def own_stack(account: Account) -> Stack:
    """Resources that cannot be brought back once they are gone."""
    resources = {
        "Topic": {"Type": "AWS::SNS::Topic"},
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {"TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": "c@example.com"},
        },
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.78.0.0/16"}},
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.78.0.0/24"},
        },
        "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": {"Ref": "Vpc"}}},
        "Association": {
            "Type": "AWS::EC2::SubnetRouteTableAssociation",
            "Properties": {"SubnetId": {"Ref": "Subnet"}, "RouteTableId": {"Ref": "Table"}},
        },
    }
    return Stack(account, "to-be-deleted", json.dumps({"Resources": resources})).deploy()


def test_what_is_gone_is_deleted(account: Account, own_stack: Stack) -> None:
    account.ec2.disassociate_route_table(AssociationId=own_stack.id_of("Association"))
    account.ec2.delete_route_table(RouteTableId=own_stack.id_of("Table"))
    account.sns.delete_topic(TopicArn=own_stack.id_of("Topic"))
    status, drifts = own_stack.drift()
    assert status == "DRIFTED"
    deleted = {name for name, drift in drifts.items() if drift["StackResourceDriftStatus"] == "DELETED"}
    assert deleted == {"Subscription", "Association", "Table", "Topic"}
    assert "ActualProperties" not in drifts["Topic"]


def test_one_resource_alone_can_be_asked_for(cloud: Cloud) -> None:
    stack, api = cloud.stacks["fleet"], cloud.account.cloudformation
    found = api.detect_stack_resource_drift(StackName=stack.name, LogicalResourceId="Group")["StackResourceDrift"]
    assert found["StackResourceDriftStatus"] == "IN_SYNC"
    assert found["PhysicalResourceId"] == "hello-test-blue"
    with pytest.raises(ClientError, match="does not exist"):
        api.detect_stack_resource_drift(StackName=stack.name, LogicalResourceId="Nobody")
