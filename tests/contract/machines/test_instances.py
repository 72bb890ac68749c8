"""EC2 instances: they run their user data, know who they are, and end when they are told to, or killed."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import Cloud
from tests.waiting import eventually

WHO_AM_I = """#!/bin/bash
set -eu
imds=$AWS_EC2_METADATA_SERVICE_ENDPOINT
echo "without a token: $(curl -s -o /dev/null -w '%{http_code}' $imds/latest/meta-data/instance-id)"
token=$(curl -sf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/latest/api/token)
ask() { curl -sf -H "X-aws-ec2-metadata-token: $token" $imds/latest/$1; }
echo "I am $(ask meta-data/instance-id) at $(ask meta-data/local-ipv4) in $(ask meta-data/placement/availability-zone)"
"""


class Machines:
    """Instances of a test; all are terminated after it."""

    def __init__(self, cloud: Cloud) -> None:
        self.ec2 = cloud.client("ec2")
        self.launched: list[str] = []

    def image(self) -> str:
        filters = [{"Name": "name", "Values": ["al2023-ami-2023.*"]}, {"Name": "state", "Values": ["available"]}]
        return str(self.ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"][0]["ImageId"])

    def run(self, user_data: str, **parameters: Any) -> dict[str, Any]:
        parameters = {"InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **parameters}
        made: dict[str, Any] = self.ec2.run_instances(ImageId=self.image(), UserData=user_data, **parameters)
        self.launched.append(made["Instances"][0]["InstanceId"])
        return dict(made["Instances"][0])

    def state(self, instance_id: str) -> str:
        found = self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
        return str(found["State"]["Name"])

    def terminate_all(self) -> None:
        """Return when none is left."""
        if not self.launched:
            return
        self.ec2.terminate_instances(InstanceIds=self.launched)
        eventually(lambda: all(self.state(instance_id) == "terminated" for instance_id in self.launched))

    def console(self, instance_id: str, until: str = "user data ended") -> str:
        def output() -> str:
            text = str(self.ec2.get_console_output(InstanceId=instance_id).get("Output", ""))
            return text if until in text else ""

        return str(eventually(output))


@pytest.fixture
def machines(cloud: Cloud) -> Iterator[Machines]:
    machines = Machines(cloud)
    yield machines
    machines.terminate_all()


def containers(instance_id: str) -> list[str]:
    found = subprocess.run(
        ["podman", "ps", "--quiet", "--filter", f"label=localcloud.instance={instance_id}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.split()


def test_an_instance_runs_its_user_data_and_knows_who_it_is(machines: Machines, cloud: Cloud) -> None:
    made = machines.run(WHO_AM_I)
    assert made["State"]["Name"] == "pending"
    name, address, zone = made["InstanceId"], made["PrivateIpAddress"], made["Placement"]["AvailabilityZone"]
    console = machines.console(name)
    assert "without a token: 401" in console
    assert f"I am {name} at {address} in {zone}" in console
    assert IPv4Address(address) in IPv4Network(cloud.address_block)
    # User data begins before the next look at the machines has told EC2 that this one runs.
    eventually(lambda: machines.state(name) == "running")
    status = machines.ec2.describe_instance_status(InstanceIds=[name])["InstanceStatuses"][0]
    assert status["InstanceStatus"]["Status"] == "ok"


def test_a_terminated_instances_console_can_still_be_read(machines: Machines) -> None:
    name = machines.run("#!/bin/sh\necho the last words >&2\nexit 3\n")["InstanceId"]
    assert "user data ended with status 3" in machines.console(name)
    machines.ec2.terminate_instances(InstanceIds=[name])
    eventually(lambda: machines.state(name) == "terminated")
    assert containers(name) == []
    assert "the last words" in machines.console(name)


def test_an_instance_that_is_killed_is_noticed(machines: Machines) -> None:
    name = machines.run("#!/bin/sh\necho up\n")["InstanceId"]
    machines.console(name)
    for container in containers(name):
        inspected = subprocess.run(
            ["podman", "inspect", "--format", "{{.State.Pid}}", container], capture_output=True, text=True, check=True
        )
        subprocess.run(["kill", "-9", inspected.stdout.strip()], check=True)
    eventually(lambda: machines.state(name) == "terminated")
    assert "the machine has ended" in machines.console(name)


def test_two_instances_have_addresses_of_their_own(machines: Machines) -> None:
    one, other = machines.run(WHO_AM_I), machines.run(WHO_AM_I)
    assert one["PrivateIpAddress"] != other["PrivateIpAddress"]
    assert one["InstanceId"] in machines.console(one["InstanceId"])
    assert one["InstanceId"] not in machines.console(other["InstanceId"])


@pytest.mark.parametrize(
    ("parameters", "code", "sentence"),
    [
        ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound", "does not exist"),
        ({"InstanceType": "t4g.micro"}, "InvalidParameterValue", "does not match the architecture"),
        ({"InstanceType": "p5.48xlarge"}, "UnsupportedOperation", "localcloud does not support the instance type"),
        ({"UserData": "#cloud-config\n"}, "UnsupportedOperation", "localcloud does not support user data"),
        ({"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue", "Invalid IAM Instance Profile name"),
        ({"KeyName": "mine"}, "UnsupportedOperation", "localcloud does not support KeyName"),
    ],
)
def test_what_cannot_be_launched_is_refused_by_name(
    machines: Machines, parameters: dict[str, Any], code: str, sentence: str
) -> None:
    before = machines.ec2.describe_instances()["Reservations"]
    wanted = {"ImageId": machines.image(), "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1, **parameters}
    with pytest.raises(ClientError, match=sentence) as refused:
        machines.ec2.run_instances(**wanted)
    assert refused.value.response["Error"]["Code"] == code
    assert machines.ec2.describe_instances()["Reservations"] == before


def test_stopping_is_refused_instead_of_pretended(machines: Machines) -> None:
    with pytest.raises(ClientError, match="localcloud does not support stopping an instance"):
        machines.ec2.stop_instances(InstanceIds=["i-00000000000000000"])


def test_two_machine_images_are_published_and_each_is_found_by_its_id(machines: Machines) -> None:
    """As AWS publishes Amazon Linux every few weeks: an upgrade needs one to begin with."""
    filters = [{"Name": "name", "Values": ["al2023-ami-2023.*"]}]
    images = machines.ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"]
    assert len({image["CreationDate"] for image in images}) == len({image["Name"] for image in images}) == 2
    for image in images:
        assert machines.ec2.describe_images(ImageIds=[image["ImageId"]])["Images"] == [image]


def test_the_public_parameter_names_the_machine_image(cloud: Cloud, machines: Machines) -> None:
    architecture = machines.ec2.describe_images(ImageIds=[machines.image()])["Images"][0]["Architecture"]
    name = f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"
    assert cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"] == machines.image()
