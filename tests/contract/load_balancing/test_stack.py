"""cloudformation/load_balancer.yml on the local cloud: created, updated in place, protected, deleted."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import PROJECT
from tests.contract.load_balancing.conftest import Account

TEMPLATE = PROJECT / "cloudformation" / "load_balancer.yml"
STACK = "hello-test-load-balancer"


class Stack:
    def __init__(self, account: Account) -> None:
        self.account = account
        self.cloudformation = account.client("cloudformation")
        self.parameters = {
            "EnvName": "test",
            "VpcId": account.client("ec2").describe_subnets()["Subnets"][0]["VpcId"],
            "SubnetIds": ",".join(account.subnets()),
            "CertificateArn": account.certificate(),
            "AlertEmails": "a@example.com",
            "RunbookUrl": "https://example.com/runbook.md",
        }

    def apply(self, action: str, **changes: str) -> str:
        """create or update; returns the state it ended in."""
        self.parameters |= changes
        arguments: dict[str, Any] = {
            "StackName": STACK,
            "TemplateBody": Path(TEMPLATE).read_text(),
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
        }
        getattr(self.cloudformation, f"{action}_stack")(**arguments)
        return self.settled()

    def settled(self) -> str:
        end = time.monotonic() + 30
        while True:
            try:
                status = self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
            except self.cloudformation.exceptions.ClientError:
                return "DELETE_COMPLETE"
            if not status.endswith("IN_PROGRESS"):
                return str(status)
            assert time.monotonic() < end, status
            time.sleep(0.1)

    def delete(self) -> str:
        self.cloudformation.delete_stack(StackName=STACK)
        return self.settled()

    @property
    def outputs(self) -> dict[str, str]:
        stack = self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    @property
    def reasons(self) -> str:
        events = self.cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)


@pytest.fixture
def stack(account: Account) -> Iterator[Stack]:
    stack = Stack(account)
    yield stack
    stack.delete()


def _weights(account: Account, listener: str) -> dict[str, int]:
    found = account.client("elbv2").describe_listeners(ListenerArns=[listener])["Listeners"][0]
    return {
        each["TargetGroupArn"]: each["Weight"] for each in found["DefaultActions"][0]["ForwardConfig"]["TargetGroups"]
    }


def test_create_update_and_delete(account: Account, stack: Stack) -> None:
    elb = account.client("elbv2")
    assert stack.apply("create") == "CREATE_COMPLETE", stack.reasons
    made = stack.outputs
    blue, green = made["TargetGroupArnBlue"], made["TargetGroupArnGreen"]
    assert _weights(account, made["ListenerArn"]) == {blue: 100, green: 0}
    balancer = elb.describe_load_balancers(LoadBalancerArns=[made["LoadBalancerArn"]])["LoadBalancers"][0]
    assert balancer["DNSName"] == made["LoadBalancerDnsName"]
    rules = elb.describe_rules(ListenerArn=made["ListenerArn"])["Rules"]
    values = [rule["Conditions"][0]["HttpHeaderConfig"]["Values"] for rule in rules[:-1]]
    assert values == [["blue"], ["green"]]
    assert rules[-1]["IsDefault"]
    assert account.address(made["LoadBalancerArn"])

    # "Update requires: No interruption" for all of these (AWS::ElasticLoadBalancingV2::Listener and ::TargetGroup).
    assert stack.apply("update", WeightBlue="0", WeightGreen="100") == "UPDATE_COMPLETE", stack.reasons
    assert _weights(account, made["ListenerArn"]) == {blue: 0, green: 100}
    changes = {"HealthCheckIntervalSeconds": "12", "DeregistrationDelaySeconds": "17", "UnhealthyThreshold": "4"}
    assert stack.apply("update", **changes) == "UPDATE_COMPLETE", stack.reasons
    assert stack.outputs == made
    for group in (blue, green):
        view = elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]
        assert (view["HealthCheckIntervalSeconds"], view["UnhealthyThresholdCount"]) == (12, 4)
        attributes = elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
        values_by_key = {each["Key"]: each["Value"] for each in attributes}
        assert values_by_key["deregistration_delay.timeout_seconds"] == "17"
        assert values_by_key["load_balancing.algorithm.type"] == "least_outstanding_requests"

    assert stack.delete() == "DELETE_COMPLETE"
    assert elb.describe_load_balancers()["LoadBalancers"] == []
    assert elb.describe_target_groups()["TargetGroups"] == []


def test_split_weights_roll_back_and_leave_the_old_ones(account: Account, stack: Stack) -> None:
    assert stack.apply("create") == "CREATE_COMPLETE", stack.reasons
    made = stack.outputs
    assert stack.apply("update", WeightBlue="30", WeightGreen="70") == "UPDATE_ROLLBACK_COMPLETE"
    assert "localcloud does not support splitting traffic (weights 30/70)" in stack.reasons
    weights = _weights(account, made["ListenerArn"])
    assert weights == {made["TargetGroupArnBlue"]: 100, made["TargetGroupArnGreen"]: 0}


def test_a_protected_load_balancer_stops_the_deletion(account: Account, stack: Stack) -> None:
    assert stack.apply("create", DeletionProtection="true") == "CREATE_COMPLETE", stack.reasons
    arn = stack.outputs["LoadBalancerArn"]
    assert stack.delete() == "DELETE_FAILED"
    assert "deletion protection" in stack.reasons
    elb = account.client("elbv2")
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
    )
    assert stack.delete() == "DELETE_COMPLETE"


def test_a_certificate_that_does_not_exist_fails_the_stack(stack: Stack) -> None:
    missing = "arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-0000-0000-000000000000"
    assert stack.apply("create", CertificateArn=missing) == "ROLLBACK_COMPLETE"
    assert f"Certificate '{missing}' not found" in stack.reasons


def test_names_of_target_groups_are_those_of_aws(stack: Stack) -> None:
    """AWS::ElasticLoadBalancingV2::TargetGroup, return values: TargetGroupFullName, which metrics have as dimension.

    "targetgroup/my-target-group/cbf133c568e0d028"
    """
    assert stack.apply("create", DeletionProtection="false") == "CREATE_COMPLETE", stack.reasons
    outputs = stack.outputs
    for colour in ("Blue", "Green"):
        full_name = outputs[f"TargetGroupFullName{colour}"]
        assert re.fullmatch(r"targetgroup/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}", full_name)
        assert outputs[f"TargetGroupArn{colour}"].endswith(f":{full_name}")
    assert re.fullmatch(r"app/[A-Za-z0-9-]{1,32}/[0-9a-f]{16}", outputs["LoadBalancerFullName"])
    # An update in place reads them again.
    assert stack.apply("update", HealthCheckPath="/version") == "UPDATE_COMPLETE", stack.reasons
    assert stack.outputs == outputs
