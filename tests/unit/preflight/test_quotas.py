"""Quotas: what is asked, when nothing is asked, and what a refusal says."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cloud import PROJECT

sys.path.append(str(PROJECT / "roles" / "stack" / "module_utils"))
sys.path.insert(0, str(PROJECT / "roles" / "preflight" / "python"))

from cloudformation_stack.errors import StackError
from quotas import Findings, Wanted, examine

WANTED = Wanted("eu-west-1", "a-fleet", "a-network", "a-balancer", "t3.small", 6)
VCPUS = {"t3.small": 2, "m5.xlarge": 4, "g5.xlarge": 4, "t3.micro": 2}


class Account:
    """All services in one; `asked` has the operations in their order."""

    def __init__(self, quotas: dict[str, float], stacks: dict[str, dict[str, str]], **has: Any) -> None:
        self.quotas = {"L-1216C47A": 64.0, "L-F678F1CE": 5.0, "L-53DA6B97": 50.0} | quotas
        self.stacks = stacks
        self.has: dict[str, Any] = {"instances": [], "vpcs": 1, "balancers": 0} | has
        self.denied: set[str] = set()
        self.asked: list[str] = []

    def __call__(self, service: str, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if operation == "describe_stacks":
            return self._stack(arguments["StackName"])
        if operation == "get_service_quota":
            self._ask(arguments["QuotaCode"])
            return {"Quota": {"Value": self.quotas[arguments["QuotaCode"]]}}
        self._ask(operation)
        answers: dict[str, dict[str, Any]] = {
            "describe_instances": {"Reservations": [{"Instances": self.has["instances"]}]},
            "describe_instance_types": {
                "InstanceTypes": [
                    {"InstanceType": name, "VCpuInfo": {"DefaultVCpus": count}} for name, count in VCPUS.items()
                ]
            },
            "describe_vpcs": {"Vpcs": [{}] * self.has["vpcs"]},
            "describe_load_balancers": {
                "LoadBalancers": [{"Type": "application"}] * self.has["balancers"] + [{"Type": "network"}] * 9
            },
        }
        return answers[operation]

    def _ask(self, question: str) -> None:
        self.asked.append(question)
        if question in self.denied:
            raise StackError(f"not authorized to perform: {question}")

    def _stack(self, name: str) -> dict[str, Any]:
        self._ask(f"stack {name}")
        if name not in self.stacks:
            raise StackError(f"Stack with id {name} does not exist")
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in self.stacks[name].items()]
        outputs = [{"OutputKey": "GroupName", "OutputValue": "own"}]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Parameters": parameters, "Outputs": outputs}]}


def instance(kind: str, group: str = "", **more: Any) -> dict[str, Any]:
    tags = [{"Key": "aws:autoscaling:groupName", "Value": group}] if group else []
    return {"InstanceType": kind, "Tags": tags, "Placement": {}, **more}


def found(account: Account, **changes: Any) -> Findings:
    return examine(account, dataclasses.replace(WANTED, **changes))


def deployed(size: int = 6, kind: str = "t3.small") -> dict[str, dict[str, str]]:
    return {"a-fleet": {"InstanceType": kind, "MaxSize": str(size)}}


def test_a_run_that_makes_nothing_grow_asks_for_the_fleet_alone() -> None:
    for size in (6, 9):
        account = Account({}, deployed(size))
        assert found(account) == Findings()
        assert account.asked == ["stack a-fleet"]


def test_a_first_deployment_asks_everything_and_passes() -> None:
    account = Account({}, {})
    assert found(account) == Findings()
    assert {"L-1216C47A", "L-F678F1CE", "L-53DA6B97"} < set(account.asked)


def test_what_is_there_already_is_not_asked_for() -> None:
    account = Account({"L-F678F1CE": 1, "L-53DA6B97": 1}, {"a-network": {}, "a-balancer": {}}, balancers=1)
    assert found(account) == Findings()
    account = Account({"L-F678F1CE": 1}, {})
    assert found(account, network_stack="") == Findings()


def test_too_few_vcpus_are_refused_with_all_that_one_needs_to_know() -> None:
    others = [
        instance("m5.xlarge"),
        instance("t3.micro", "another"),
        instance("g5.xlarge"),
        instance("t3.small", "own"),
    ]
    others.append(instance("m5.xlarge", InstanceLifecycle="spot"))
    account = Account({"L-1216C47A": 16}, deployed(2), instances=others)
    (refusal,) = found(account).refusals
    assert "'Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances' is 16 in eu-west-1" in refusal
    assert "12 needed (fleet_max_size 6 × 2 vCPUs of t3.small), 10 available" in refusal
    assert "https://eu-west-1.console.aws.amazon.com/servicequotas/home/services/ec2/quotas/L-1216C47A" in refusal
    account.quotas["L-1216C47A"] = 18
    assert found(account) == Findings()


def test_another_type_of_the_same_size_is_asked_about() -> None:
    account = Account({"L-1216C47A": 8}, deployed(6, "t3.micro"))
    assert len(found(account).refusals) == 1


def test_a_family_with_a_quota_of_its_own_is_not_judged_by_this_one() -> None:
    account = Account({"L-1216C47A": 0}, {})
    assert found(account, instance_type="g5.xlarge") == Findings()


@pytest.mark.parametrize(
    ("quota", "has", "sentence"),
    [
        ({"L-F678F1CE": 5}, {"vpcs": 5}, "'VPCs per Region' is 5 in eu-west-1: 1 needed"),
        ({"L-53DA6B97": 2}, {"balancers": 2}, "'Application Load Balancers per Region' is 2 in eu-west-1: 1 needed"),
    ],
)
def test_one_too_many_is_refused(quota: dict[str, float], has: dict[str, int], sentence: str) -> None:
    (refusal,) = found(Account(quota, {}, **has)).refusals
    assert sentence in refusal
    assert "0 available" in refusal


@pytest.mark.parametrize("denied", ["L-1216C47A", "describe_instances", "describe_instance_types"])
def test_what_may_not_be_asked_is_a_note_and_the_rest_is_asked(denied: str) -> None:
    account = Account({"L-F678F1CE": 1}, {})
    account.denied = {denied}
    findings = found(account)
    assert len(findings.refusals) == 1
    assert [f"not authorized to perform: {denied}" in note for note in findings.notes] == [True]


def test_without_the_right_to_see_stacks_nothing_is_asked() -> None:
    account = Account({}, {})
    account.denied = {"stack a-fleet"}
    findings = found(account)
    assert (findings.refusals, len(findings.notes), account.asked) == ([], 1, ["stack a-fleet"])


def test_a_fault_of_ours_is_none_of_awss_answers() -> None:
    account = Account({}, {})
    del account.quotas["L-1216C47A"]
    with pytest.raises(KeyError):
        found(account)
