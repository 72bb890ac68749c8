"""EC2 instances: records in MiniStack's store that stand for machines which really run.

A record says what should be, the machines say what is; `machine_observed` brings the two together. The functions
here are what the Auto Scaling groups and the reconciler use, `service` is the front end for clients.
"""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any

from ministack.services import ec2, iam

from localcloud.control_plane.ec2 import launch_templates, role_credentials
from localcloud.control_plane.ec2.images import MachineImages
from localcloud.control_plane.lock import LOCK
from localcloud.control_plane.monitoring.sources import MonitoredInstance
from localcloud.desired import InstanceState, LaunchRefused, MachineSpec, MachineState
from localcloud.instance_types import instance_type
from localcloud.ministack_seam import request_scope
from localcloud.settings import Settings

log = logging.getLogger(__name__)

Record = dict[str, Any]
STATE_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
MACHINE = "LocalMachine"
"""Key in a record of ours: a record without it is one that MiniStack made, with no machine behind it."""
FIRST_ADDRESS, LAST_ADDRESS = 256, 250 * 256
"""Instances' part of the address block; the last /24 is the load balancers'."""


class Instances:
    """Implements `desired.Instances` and `desired.MachineControl`; callers of the former hold LOCK."""

    def __init__(self, settings: Settings, images: MachineImages, wake: Callable[[], None]) -> None:
        self.settings = settings
        self.images = images
        self._wake = wake
        self._next_address = FIRST_ADDRESS

    # --- desired.Instances --------------------------------------------------------------------------------

    def launch_instance(
        self,
        launch_template_data: Mapping[str, Any],
        subnet_id: str,
        tags: Mapping[str, str],
        account: str,
        region: str,
    ) -> str:
        data = launch_template_data
        with request_scope(account, region):
            kind, user_data = str(data.get("InstanceType", "")), str(data.get("UserData") or "")
            image_id = str(data.get("ImageId", ""))
            self._check(image_id, kind, user_data)
            subnet = ec2._subnets.get(subnet_id)
            if subnet is None:
                raise LaunchRefused(f"The subnet ID '{subnet_id}' does not exist")
            record: Record = ec2._launch_instances_internal(
                image_id,
                kind,
                subnet_id,
                1,
                user_data=user_data,
                sg_ids=_security_groups(data),
                requested_private_ip=self._free_address(),
                iam_profile=_profile(data.get("IamInstanceProfile") or {}),
            )[0]
            record |= {
                MACHINE: True,
                "State": _state("pending"),
                "PublicIpAddress": "",
                "PublicDnsName": "",
                "Architecture": self.images.architecture,
                "Placement": {"AvailabilityZone": subnet["AvailabilityZone"], "Tenancy": "default"},
                "Monitoring": {"State": "enabled" if _true(data.get("Monitoring", {}).get("Enabled")) else "disabled"},
                "MetadataOptions": dict(data.get("MetadataOptions") or {}),
            }
            _place_volume(record, data)
            named = {
                str(tag["Key"]): str(tag.get("Value", ""))
                for specification in data.get("TagSpecifications") or []
                if specification.get("ResourceType") == "instance"
                for tag in specification.get("Tags") or []
            }
            ec2._tags[record["InstanceId"]] = [
                {"Key": key, "Value": value} for key, value in (named | dict(tags)).items()
            ]
        self._wake()
        return str(record["InstanceId"])

    def _check(self, image_id: str, kind: str, user_data: str) -> None:
        """Raises LaunchRefused with the words of EC2 where it has some."""
        if image_id not in self.images:
            raise LaunchRefused(f"The image id '[{image_id}]' does not exist")
        known = instance_type(kind)
        if known is None:
            raise LaunchRefused(f"localcloud does not support the instance type '{kind}': it knows t3, t4g, m and c")
        if known.architecture != self.images.architecture:
            raise LaunchRefused(
                f"The architecture '{known.architecture}' of the specified instance type does not match the "
                f"architecture '{self.images.architecture}' of the specified AMI: choose an instance type with the "
                "architecture of this host"
            )
        try:
            script = base64.b64decode(user_data, validate=True)
        except binascii.Error:
            raise LaunchRefused("Invalid BASE64 encoding of user data") from None
        if script and not script.startswith(b"#!"):
            raise LaunchRefused("localcloud does not support user data that is not a script: it must begin with #!")

    def _free_address(self) -> str:
        """A fresh one for as long as possible, so that nothing old is taken for something new."""
        taken = {record.get("PrivateIpAddress") for _, record in _records() if record["State"]["Name"] != "terminated"}
        network = int(self.settings.address_block.network_address)
        for _ in range(LAST_ADDRESS - FIRST_ADDRESS):
            self._next_address += 1
            if self._next_address >= LAST_ADDRESS:
                self._next_address = FIRST_ADDRESS + 1
            address = str(IPv4Address(network + self._next_address))
            if address not in taken:
                return address
        raise LaunchRefused("There are not enough free addresses in the address block")

    def terminate_instance(self, instance_id: str) -> None:
        record = find(instance_id)
        if record is not None and record["State"]["Name"] in ("pending", "running", "stopped", "stopping"):
            record["State"] = _state("shutting-down" if MACHINE in record else "terminated")
            record["_terminated_at"] = time.time()
            self._wake()

    def instance_state(self, instance_id: str) -> InstanceState:
        record = find(instance_id)
        state: InstanceState = record["State"]["Name"] if record else "terminated"
        return state

    def subnet_zone(self, subnet_id: str, account: str, region: str) -> str | None:
        subnet = ec2._subnets.get_scoped(account, region, subnet_id)
        return str(subnet["AvailabilityZone"]) if subnet else None

    def launch_template(
        self, template_id: str | None, name: str | None, version: str, account: str, region: str
    ) -> tuple[str, str, int, Mapping[str, Any]] | None:
        return launch_templates.resolve(template_id, name, version, account, region)

    # --- desired.MachineControl ---------------------------------------------------------------------------

    def desired_machines(self) -> list[MachineSpec]:
        with LOCK:
            return [
                self._specification(account, region, record)
                for (account, region), record in _records()
                if MACHINE in record and record["State"]["Name"] in ("pending", "running")
            ]

    def _specification(self, account: str, region: str, record: Record) -> MachineSpec:
        with request_scope(account, region):
            tags = {str(tag["Key"]): str(tag["Value"]) for tag in ec2._tags.get(record["InstanceId"]) or []}
            return MachineSpec(
                instance_id=record["InstanceId"],
                account=account,
                region=region,
                zone=record["Placement"]["AvailabilityZone"],
                private_address=record["PrivateIpAddress"],
                image_id=record["ImageId"],
                instance_type=record["InstanceType"],
                user_data=base64.b64decode(record["UserData"] or ""),
                role_name=_role(record.get("IamInstanceProfile")),
                tags=tags,
            )

    # --- monitoring.MonitoredInstances --------------------------------------------------------------------

    def monitored_instances(self) -> dict[str, MonitoredInstance]:
        """Callers hold LOCK."""
        return {
            record["InstanceId"]: MonitoredInstance(scope, detailed=record["Monitoring"]["State"] == "enabled")
            for scope, record in _records()
            if MACHINE in record and record["State"]["Name"] in ("pending", "running", "shutting-down")
        }

    def machine_observed(self, instance_id: str, state: MachineState, reason: str) -> None:
        with LOCK:
            record = find(instance_id)
            if record is None:
                return
            before = record["State"]["Name"]
            if state == "running" and before == "pending":
                record["State"] = _state("running")
            elif state == "gone" and before != "terminated":
                record["State"] = _state("terminated")
                record["_terminated_at"] = time.time()
                if before != "shutting-down":
                    code = "Server.InternalError"
                    record["StateReason"] = {"Code": code, "Message": f"{code}: {reason}"}
                    log.warning("%s is gone: %s", instance_id, reason)
                _release(instance_id)


def find(instance_id: str) -> Record | None:
    """In whichever account and region it is."""
    return next((record for _, record in _records() if record["InstanceId"] == instance_id), None)


def _records() -> Iterator[tuple[tuple[str, str], Record]]:
    for (account, region, _), record in list(ec2._instances.all_items()):
        yield (account, region), record


def _state(name: str) -> dict[str, Any]:
    return {"Code": STATE_CODES[name], "Name": name}


def _true(value: object) -> bool:
    return str(value).lower() == "true"


def _security_groups(data: Mapping[str, Any]) -> list[str]:
    interfaces = data.get("NetworkInterfaces") or []
    groups = data.get("SecurityGroupIds") or (interfaces and interfaces[0].get("Groups")) or []
    return [str(group) for group in groups]


def _profile(wanted: Mapping[str, Any]) -> Mapping[str, Any] | None:
    name, arn = str(wanted.get("Name") or ""), str(wanted.get("Arn") or "")
    if not name and not arn:
        return None
    profile = iam._lookup_instance_profile(name=name, arn=arn)
    if profile is None:
        kind, value = ("name", name) if name else ("arn", arn)
        raise LaunchRefused(
            f"Value ({value}) for parameter iamInstanceProfile.{kind} is invalid. Invalid IAM Instance Profile {kind}"
        )
    return {"Arn": profile["Arn"], "Id": profile["InstanceProfileId"]}


def _role(profile: Mapping[str, Any] | None) -> str | None:
    """Name of the role in an instance profile, as it is now."""
    found = iam._lookup_instance_profile(arn=str(profile["Arn"])) if profile else None
    roles = (found or {}).get("Roles") or []
    if not roles:
        return None
    return str(roles[0]["RoleName"] if isinstance(roles[0], Mapping) else roles[0])


def _place_volume(record: Record, data: Mapping[str, Any]) -> None:
    """The root volume as the launch template wants it, in the instance's zone."""
    wanted = next((one.get("Ebs") or {} for one in data.get("BlockDeviceMappings") or []), {})
    for mapping in record["BlockDeviceMappings"]:
        volume = ec2._volumes.get(mapping["Ebs"]["VolumeId"])
        if volume is not None:
            volume["AvailabilityZone"] = record["Placement"]["AvailabilityZone"]
            volume["Size"] = int(wanted.get("VolumeSize") or volume["Size"])
            volume["VolumeType"] = wanted.get("VolumeType") or volume["VolumeType"]
            volume["Encrypted"] = _true(wanted.get("Encrypted"))


def _release(instance_id: str) -> None:
    """What ends with an instance: its credentials and its root volume."""
    role_credentials.forget(instance_id)
    for account, region, volume_id in [key for key, _ in list(ec2._volumes.all_items())]:
        volume = ec2._volumes.get_scoped(account, region, volume_id)
        if volume and any(one.get("InstanceId") == instance_id for one in volume.get("Attachments") or []):
            ec2._volumes.pop_scoped(account, region, volume_id, None)
