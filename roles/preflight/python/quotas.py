"""Quotas that a deployment would run into half-way: asked before anything is changed, and only where something grows.

The codes are those of the Service Quotas console. A question that is not allowed, or that nobody answers, is a note
and no refusal: a quota that cannot be read says nothing about whether it suffices.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Client = Any
Clients = Callable[[str], Client]
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


def examine(clients: Clients, wanted: Wanted, is_refusal: Callable[[Exception], bool]) -> Findings:
    """Ask what has to be asked.

    :param clients: service, by botocore's name → client.
    :param is_refusal: whether an exception is AWS's, or the network's, answer to a question; all others are raised.
    """
    findings = Findings()
    questions = _questions(clients, wanted)
    while True:
        try:
            about, question = next(questions)
        except StopIteration:
            return findings
        except Exception as error:
            if not is_refusal(error):
                raise
            findings.notes.append(f"Quotas were not checked: {error}")
            return findings
        try:
            findings.refusals += [shortage.sentence(wanted.region) for shortage in question()]
        except Exception as error:
            if not is_refusal(error):
                raise
            findings.notes.append(f"The quota {about.name!r} was not checked: {error}")


def _questions(clients: Clients, wanted: Wanted) -> Iterator[tuple[Quota, Callable[[], list[Shortage]]]]:
    fleet = _stack(clients, wanted.fleet_stack)
    if _grows(fleet, wanted):
        yield STANDARD_VCPUS, lambda: _vcpus(clients, wanted, fleet)
    if fleet is not None:
        # A fleet has its network and its load balancer.
        return
    if wanted.network_stack and _stack(clients, wanted.network_stack) is None:
        yield VPCS, lambda: _vpcs(clients)
    if _stack(clients, wanted.load_balancer_stack) is None:
        yield BALANCERS, lambda: _load_balancers(clients)


def _grows(fleet: Stack | None, wanted: Wanted) -> bool:
    if not STANDARD_FAMILY.match(wanted.instance_type):
        return False
    if fleet is None:
        return True
    deployed = {item["ParameterKey"]: item.get("ParameterValue", "") for item in fleet.get("Parameters") or ()}
    return deployed.get("InstanceType") != wanted.instance_type or wanted.max_size > int(deployed.get("MaxSize") or 0)


def _vcpus(clients: Clients, wanted: Wanted, fleet: Stack | None) -> list[Shortage]:
    quota = _value(clients, STANDARD_VCPUS)
    used = _types_in_use(clients, _output(fleet, "GroupName"))
    vcpus = _vcpus_of(clients, {wanted.instance_type, *used})
    needed = wanted.max_size * vcpus[wanted.instance_type]
    free = quota - sum(count * vcpus[kind] for kind, count in used.items())
    if needed <= free:
        return []
    reason = f"fleet_max_size {wanted.max_size} × {vcpus[wanted.instance_type]} vCPUs of {wanted.instance_type}"
    remedy = "lower fleet_max_size, or choose a smaller fleet_instance_type"
    return [Shortage(STANDARD_VCPUS, quota, needed, free, reason, remedy)]


def _types_in_use(clients: Clients, own_group: str) -> dict[str, int]:
    """Instance type → how many count, those of the fleet itself left out."""
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    found: dict[str, int] = {}
    for page in clients("ec2").get_paginator("describe_instances").paginate(Filters=running):
        for instance in (one for reservation in page["Reservations"] for one in reservation["Instances"]):
            tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags") or ()}
            own = bool(own_group) and tags.get("aws:autoscaling:groupName") == own_group
            kind = instance["InstanceType"]
            # Spot instances and Dedicated Hosts have quotas of their own.
            other = instance.get("InstanceLifecycle") == "spot" or instance["Placement"].get("Tenancy") == "host"
            if STANDARD_FAMILY.match(kind) and not own and not other:
                found[kind] = found.get(kind, 0) + 1
    return found


def _vcpus_of(clients: Clients, kinds: set[str]) -> dict[str, int]:
    pages = clients("ec2").get_paginator("describe_instance_types").paginate(InstanceTypes=sorted(kinds))
    return {one["InstanceType"]: one["VCpuInfo"]["DefaultVCpus"] for page in pages for one in page["InstanceTypes"]}


def _vpcs(clients: Clients) -> list[Shortage]:
    value = _value(clients, VPCS)
    free = value - sum(len(page["Vpcs"]) for page in clients("ec2").get_paginator("describe_vpcs").paginate())
    remedy = "name an existing VPC in network_vpc_id, or remove one that is not used any more"
    return [] if free >= 1 else [Shortage(VPCS, value, 1, free, "a VPC for the environment", remedy)]


def _load_balancers(clients: Clients) -> list[Shortage]:
    value = _value(clients, BALANCERS)
    pages = clients("elbv2").get_paginator("describe_load_balancers").paginate()
    free = value - sum(one["Type"] == "application" for page in pages for one in page["LoadBalancers"])
    remedy = "remove one that is not used any more"
    return [] if free >= 1 else [Shortage(BALANCERS, value, 1, free, "a load balancer for the environment", remedy)]


def _value(clients: Clients, quota: Quota) -> int:
    answer = clients("service-quotas").get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    return int(answer["Quota"]["Value"])


def _stack(clients: Clients, name: str) -> Stack | None:
    """None: there is none, or it never came to life."""
    try:
        (found,) = clients("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except Exception as error:
        if "does not exist" in str(error):
            return None
        raise
    alive: Stack | None = None if found["StackStatus"] in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE") else found
    return alive


def _output(stack: Stack | None, key: str) -> str:
    outputs = (stack or {}).get("Outputs") or ()
    return next((str(one["OutputValue"]) for one in outputs if one["OutputKey"] == key), "")
