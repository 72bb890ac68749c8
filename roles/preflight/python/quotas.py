"""Quotas that a deployment would run into half-way: asked before anything is changed, and only where something grows.

The codes are those of the Service Quotas console. A question that is not allowed, or that nobody answers, is a note
and no refusal: a quota that cannot be read says nothing about whether it suffices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudformation_stack.errors import StackError

Ask = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
"""(service by botocore's name, operation, arguments) → all pages of the answer. Raises StackError without one."""
Stack = Mapping[str, Any]

# "On-Demand Instance quotas", EC2 user guide: one quota for all of these families together, counted in vCPUs.
STANDARD_FAMILY = re.compile(r"[acdhimrtz]\d")


@dataclass(frozen=True)
class Quota:
    service: str
    code: str
    name: str


STANDARD_VCPUS = Quota("ec2", "L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances")
VPCS = Quota("vpc", "L-F678F1CE", "VPCs per Region")
BALANCERS = Quota("elasticloadbalancing", "L-53DA6B97", "Application Load Balancers per Region")


@dataclass(frozen=True)
class Shortage:
    quota: Quota
    value: int
    needed: int
    free: int
    reason: str
    remedy: str
    """What helps beside a raised quota."""

    def sentence(self, region: str) -> str:
        path = f"servicequotas/home/services/{self.quota.service}/quotas/{self.quota.code}"
        return (
            f"The quota {self.quota.name!r} is {self.value} in {region}: {self.needed} needed ({self.reason}), "
            f"{max(0, self.free)} available. Raise it at https://{region}.console.aws.amazon.com/{path}, "
            f"or {self.remedy}."
        )


@dataclass(frozen=True)
class Wanted:
    """What a run is to bring about. A stack's name is empty where there will be none."""

    region: str
    fleet_stack: str
    network_stack: str
    load_balancer_stack: str
    instance_type: str
    max_size: int


@dataclass
class Findings:
    refusals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def examine(ask: Ask, wanted: Wanted) -> Findings:
    """Ask what has to be asked."""
    findings = Findings()
    questions = _questions(ask, wanted)
    while True:
        try:
            about, question = next(questions)
        except StopIteration:
            return findings
        except StackError as error:
            findings.notes.append(f"Quotas were not checked: {error.message}")
            return findings
        try:
            findings.refusals += [shortage.sentence(wanted.region) for shortage in question()]
        except StackError as error:
            findings.notes.append(f"The quota {about.name!r} was not checked: {error.message}")


def _questions(ask: Ask, wanted: Wanted) -> Iterator[tuple[Quota, Callable[[], list[Shortage]]]]:
    fleet = _stack(ask, wanted.fleet_stack)
    if _grows(fleet, wanted):
        yield STANDARD_VCPUS, lambda: _vcpus(ask, wanted, fleet)
    if fleet is not None:
        # A fleet has its network and its load balancer.
        return
    if wanted.network_stack and _stack(ask, wanted.network_stack) is None:
        yield VPCS, lambda: _vpcs(ask)
    if _stack(ask, wanted.load_balancer_stack) is None:
        yield BALANCERS, lambda: _load_balancers(ask)


def _grows(fleet: Stack | None, wanted: Wanted) -> bool:
    if not STANDARD_FAMILY.match(wanted.instance_type):
        return False
    if fleet is None:
        return True
    deployed = {item["ParameterKey"]: item.get("ParameterValue", "") for item in fleet.get("Parameters") or ()}
    return deployed.get("InstanceType") != wanted.instance_type or wanted.max_size > int(deployed.get("MaxSize") or 0)


def _vcpus(ask: Ask, wanted: Wanted, fleet: Stack | None) -> list[Shortage]:
    quota = _value(ask, STANDARD_VCPUS)
    used = _types_in_use(ask, _output(fleet, "GroupName"))
    vcpus = _vcpus_of(ask, {wanted.instance_type, *used})
    needed = wanted.max_size * vcpus[wanted.instance_type]
    free = quota - sum(count * vcpus[kind] for kind, count in used.items())
    if needed <= free:
        return []
    reason = f"fleet_max_size {wanted.max_size} × {vcpus[wanted.instance_type]} vCPUs of {wanted.instance_type}"
    remedy = "lower fleet_max_size, or choose a smaller fleet_instance_type"
    return [Shortage(STANDARD_VCPUS, quota, needed, free, reason, remedy)]


def _types_in_use(ask: Ask, own_group: str) -> dict[str, int]:
    """Instance type → how many count, those of the fleet itself left out."""
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    found: dict[str, int] = {}
    for reservation in ask("ec2", "describe_instances", {"Filters": running})["Reservations"]:
        for instance in reservation["Instances"]:
            tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags") or ()}
            own = bool(own_group) and tags.get("aws:autoscaling:groupName") == own_group
            kind = instance["InstanceType"]
            # Spot instances and Dedicated Hosts have quotas of their own.
            other = instance.get("InstanceLifecycle") == "spot" or instance["Placement"].get("Tenancy") == "host"
            if STANDARD_FAMILY.match(kind) and not own and not other:
                found[kind] = found.get(kind, 0) + 1
    return found


def _vcpus_of(ask: Ask, kinds: set[str]) -> dict[str, int]:
    answer = ask("ec2", "describe_instance_types", {"InstanceTypes": sorted(kinds)})
    return {one["InstanceType"]: one["VCpuInfo"]["DefaultVCpus"] for one in answer["InstanceTypes"]}


def _vpcs(ask: Ask) -> list[Shortage]:
    value = _value(ask, VPCS)
    free = value - len(ask("ec2", "describe_vpcs", {})["Vpcs"])
    remedy = "name an existing VPC in network_vpc_id, or remove one that is not used any more"
    return [] if free >= 1 else [Shortage(VPCS, value, 1, free, "a VPC for the environment", remedy)]


def _load_balancers(ask: Ask) -> list[Shortage]:
    value = _value(ask, BALANCERS)
    there = ask("elbv2", "describe_load_balancers", {})["LoadBalancers"]
    free = value - sum(one["Type"] == "application" for one in there)
    remedy = "remove one that is not used any more"
    return [] if free >= 1 else [Shortage(BALANCERS, value, 1, free, "a load balancer for the environment", remedy)]


def _value(ask: Ask, quota: Quota) -> int:
    answer = ask("service-quotas", "get_service_quota", {"ServiceCode": quota.service, "QuotaCode": quota.code})
    return int(answer["Quota"]["Value"])


def _stack(ask: Ask, name: str) -> Stack | None:
    """None: there is none, or it never came to life."""
    try:
        (found,) = ask("cloudformation", "describe_stacks", {"StackName": name})["Stacks"]
    except StackError as error:
        if "does not exist" in error.message:
            return None
        raise
    alive: Stack | None = None if found["StackStatus"] in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE") else found
    return alive


def _output(stack: Stack | None, key: str) -> str:
    outputs = (stack or {}).get("Outputs") or ()
    return next((str(one["OutputValue"]) for one in outputs if one["OutputKey"] == key), "")
