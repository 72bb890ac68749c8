"""The EC2 API for instances and machine images. The rest of EC2 is MiniStack's."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.services import ec2, ssm

from localcloud.control_plane.ec2 import protocol
from localcloud.control_plane.ec2.filters import matches
from localcloud.control_plane.ec2.images import describe_images
from localcloud.control_plane.ec2.instances import Instances, Record
from localcloud.desired import LaunchRefused
from localcloud.instance_types import InstanceType, instance_type
from localcloud.ministack_seam import scope
from localcloud.wire import AwsError

Values = dict[str, Any]
REFUSED = {
    "StopInstances": "stopping an instance",
    "StartInstances": "starting a stopped instance",
    "RebootInstances": "rebooting an instance",
    "RegisterImage": "machine images of your own",
    "CreateImage": "machine images of your own",
    "CreateFleet": "fleets",
}
LAUNCH_MEMBERS = {
    "ImageId", "InstanceType", "UserData", "IamInstanceProfile", "SecurityGroupIds", "NetworkInterfaces",
    "BlockDeviceMappings", "TagSpecifications", "MetadataOptions", "Monitoring", "CreditSpecification", "EbsOptimized",
    "InstanceInitiatedShutdownBehavior",
}  # fmt: skip
OTHER_MEMBERS = {"MinCount", "MaxCount", "SubnetId", "LaunchTemplate", "ClientToken", "DryRun"}
_LAUNCHED_WITH: dict[tuple[str, str, str], list[str]] = {}


class Api:
    """Operations as `protocol.respond` calls them: under LOCK, in the request's account and region."""

    def __init__(self, instances: Instances, console: Callable[[str], str]) -> None:
        self._instances = instances
        self._console = console

    def run_instances(self, values: Values) -> Values:
        for member in sorted(set(values) - LAUNCH_MEMBERS - OTHER_MEMBERS):
            raise AwsError("UnsupportedOperation", f"localcloud does not support {member} of RunInstances yet")
        account, region = scope()
        token = (account, region, str(values.get("ClientToken", "")))
        if token[2] and token in _LAUNCHED_WITH:
            return self._reservation([_record(one) for one in _LAUNCHED_WITH[token]])
        data = self._launch_data(values, account, region)
        interfaces = data.get("NetworkInterfaces") or [{}]
        subnet = str(values.get("SubnetId") or interfaces[0].get("SubnetId") or _default_subnet())
        try:
            made = [
                self._instances.launch_instance(data, subnet, {}, account, region) for _ in range(values["MaxCount"])
            ]
        except LaunchRefused as refused:
            raise AwsError(_code(str(refused)), str(refused)) from refused
        if token[2]:
            _LAUNCHED_WITH[token] = made
        return self._reservation([_record(one) for one in made])

    def _launch_data(self, values: Values, account: str, region: str) -> Values:
        given = {name: value for name, value in values.items() if name in LAUNCH_MEMBERS}
        wanted = values.get("LaunchTemplate")
        if not wanted:
            return given
        found = self._instances.launch_template(
            wanted.get("LaunchTemplateId"),
            wanted.get("LaunchTemplateName"),
            str(wanted.get("Version", "$Default")),
            account,
            region,
        )
        if found is None:
            raise AwsError("InvalidLaunchTemplateId.NotFound", "The specified launch template does not exist")
        return {**found[3], **given}

    def _reservation(self, records: list[Record]) -> Values:
        account, _ = scope()
        return {
            "ReservationId": f"r-{records[0]['InstanceId'][2:]}",
            "OwnerId": account,
            "Instances": [_described(record) for record in records],
        }

    def terminate_instances(self, values: Values) -> Values:
        records = [_record(one) for one in values["InstanceIds"]]
        changes = []
        for record in records:
            before = dict(record["State"])
            self._instances.terminate_instance(record["InstanceId"])
            changes.append(
                {"InstanceId": record["InstanceId"], "PreviousState": before, "CurrentState": dict(record["State"])}
            )
        return {"TerminatingInstances": changes}

    def describe_instances(self, values: Values) -> Values:
        ec2._cleanup_terminated()
        shown = _selected(values, "DescribeInstances")
        return {"Reservations": [self._reservation([record]) for record in shown]}

    def describe_instance_status(self, values: Values) -> Values:
        statuses = []
        for record in _selected(values, "DescribeInstanceStatus"):
            running = record["State"]["Name"] == "running"
            if not running and not values.get("IncludeAllInstances"):
                continue
            summary = {"Status": "ok" if running else "not-applicable"}
            statuses.append(
                {
                    "AvailabilityZone": record["Placement"]["AvailabilityZone"],
                    "InstanceId": record["InstanceId"],
                    "InstanceState": record["State"],
                    "InstanceStatus": summary,
                    "SystemStatus": summary,
                }
            )
        return {"InstanceStatuses": statuses}

    def get_console_output(self, values: Values) -> Values:
        _record(values["InstanceId"], forgotten=True)
        output = base64.b64encode(self._console(values["InstanceId"]).encode()).decode()
        return {"InstanceId": values["InstanceId"], "Timestamp": datetime.now(UTC), "Output": output}

    def describe_instance_types(self, values: Values) -> Values:
        for member in sorted(set(values) - {"InstanceTypes", "MaxResults"}):
            raise AwsError("UnsupportedOperation", f"localcloud does not support {member} of DescribeInstanceTypes yet")
        if not values.get("InstanceTypes"):
            raise AwsError(
                "UnsupportedOperation", "localcloud does not support DescribeInstanceTypes without names yet"
            )
        known = {name: instance_type(name) for name in values["InstanceTypes"]}
        unknown = [name for name, found in known.items() if found is None]
        if unknown:
            raise AwsError("UnsupportedOperation", f"localcloud does not support {', '.join(unknown)} yet")
        return {"InstanceTypes": [_described_type(found) for found in known.values() if found]}

    def describe_images(self, values: Values) -> Values:
        return describe_images(self._instances.images, values)


def _described_type(found: InstanceType) -> Values:
    return {
        "InstanceType": found.name,
        "ProcessorInfo": {"SupportedArchitectures": [found.architecture]},
        "VCpuInfo": {"DefaultVCpus": found.cpus},
        "MemoryInfo": {"SizeInMiB": found.memory // 2**20},
    }


def _refusal(operation: str) -> Callable[[Values], Values]:
    def refuse(_: Values) -> Values:
        what = REFUSED[operation]
        raise AwsError("UnsupportedOperation", f"localcloud does not support {what} yet ({operation})")

    return refuse


def _code(message: str) -> str:
    for start, code in (
        ("The image id", "InvalidAMIID.NotFound"),
        ("The subnet ID", "InvalidSubnetID.NotFound"),
        ("localcloud", "UnsupportedOperation"),
        ("There are not enough", "InsufficientFreeAddressesInSubnet"),
    ):
        if message.startswith(start):
            return code
    return "InvalidParameterValue"


def _default_subnet() -> str:
    subnet = next((key for key, one in ec2._subnets.items() if one.get("DefaultForAz")), None)
    if subnet is None:
        raise AwsError("MissingInput", "No subnets found for the default VPC: name a SubnetId")
    return str(subnet)


def _record(instance_id: str, forgotten: bool = False) -> Record:
    """Raises AwsError for an unknown one; `forgotten`: the console outlives the record."""
    if not ec2._INSTANCE_ID_RE.match(instance_id):
        raise AwsError("InvalidInstanceID.Malformed", f'Invalid id: "{instance_id}"')
    record: Record | None = ec2._instances.get(instance_id)
    if record is None and not forgotten:
        raise AwsError("InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist")
    return record or {}


def _selected(values: Values, operation: str) -> list[Record]:
    wanted = values.get("InstanceIds")
    records = [_record(one) for one in wanted] if wanted else list(ec2._instances.values())
    filters = values.get("Filters") or []
    return [record for record in records if matches(_facts(record), filters, operation)]


def _facts(record: Record) -> dict[str, str]:
    profile = record.get("IamInstanceProfile") or {}
    tags = {f"tag:{tag['Key']}": str(tag["Value"]) for tag in ec2._tags.get(record["InstanceId"]) or []}
    return tags | {
        "architecture": record["Architecture"],
        "availability-zone": record["Placement"]["AvailabilityZone"],
        "iam-instance-profile.arn": str(profile.get("Arn", "")),
        "image-id": record["ImageId"],
        "instance-id": record["InstanceId"],
        "instance-state-code": str(record["State"]["Code"]),
        "instance-state-name": record["State"]["Name"],
        "instance-type": record["InstanceType"],
        "private-ip-address": record["PrivateIpAddress"],
        "subnet-id": record["SubnetId"],
        "vpc-id": record["VpcId"],
    }


def _described(record: Record) -> Values:
    gone = record["State"]["Name"] == "terminated"
    profile = record.get("IamInstanceProfile")
    options = record.get("MetadataOptions") or {}
    return {
        "InstanceId": record["InstanceId"],
        "ImageId": record["ImageId"],
        "State": record["State"],
        "StateReason": record.get("StateReason"),
        "InstanceType": record["InstanceType"],
        "LaunchTime": datetime.fromisoformat(record["LaunchTime"]),
        "Placement": record["Placement"],
        "PrivateDnsName": "" if gone else record["PrivateDnsName"],
        "PrivateIpAddress": None if gone else record["PrivateIpAddress"],
        "PublicDnsName": "",
        "SubnetId": None if gone else record["SubnetId"],
        "VpcId": None if gone else record["VpcId"],
        "Architecture": record["Architecture"],
        "RootDeviceType": record["RootDeviceType"],
        "RootDeviceName": record["RootDeviceName"],
        "BlockDeviceMappings": [] if gone else [_mapping(one) for one in record["BlockDeviceMappings"]],
        "IamInstanceProfile": profile and {"Arn": profile["Arn"], "Id": profile["Id"]},
        "VirtualizationType": "hvm",
        "Hypervisor": "xen",
        "Monitoring": {"State": record["Monitoring"]["State"]},
        "SecurityGroups": [] if gone else record["SecurityGroups"],
        "Tags": ec2._tags.get(record["InstanceId"]) or [],
        "AmiLaunchIndex": 0,
        "MetadataOptions": {
            "State": "applied",
            "HttpEndpoint": "enabled",
            "HttpTokens": "required",
            "HttpPutResponseHopLimit": int(options.get("HttpPutResponseHopLimit") or 1),
        },
    }


def _mapping(one: Mapping[str, Any]) -> Values:
    volume = one["Ebs"]
    ebs = {"VolumeId": volume["VolumeId"], "Status": "attached", "DeleteOnTermination": True}
    return {"DeviceName": one["DeviceName"], "Ebs": ebs}


def install(instances: Instances, console: Callable[[str], str]) -> None:
    """Makes MiniStack's instances and machine images ours."""
    api = Api(instances, console)
    operations: dict[str, protocol.Operation] = {
        "RunInstances": api.run_instances,
        "TerminateInstances": api.terminate_instances,
        "DescribeInstances": api.describe_instances,
        "DescribeInstanceTypes": api.describe_instance_types,
        "DescribeInstanceStatus": api.describe_instance_status,
        "GetConsoleOutput": api.get_console_output,
        "DescribeImages": api.describe_images,
    } | {name: _refusal(name) for name in REFUSED}
    for name, act in operations.items():
        ec2._ACTION_MAP[name] = _entry(name, act)
    ssm._PUBLIC_AMI_PARAMETERS.clear()
    ssm._PUBLIC_AMI_PARAMETERS[instances.images.public_parameter] = instances.images.newest_id


def _entry(name: str, act: protocol.Operation) -> Callable[[Mapping[str, Any]], Any]:
    return lambda params: protocol.respond(name, act, params)
