"""Staging and production side by side in one account of one local cloud: apart in all, each with its own values."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from rehearsal import cloud, mails, stage
from rehearsal.cloud import Terms
from rehearsal.environment import PROJECT
from rehearsal.stage import Stage
from tests.client import trusting
from tests.waiting import eventually

pytestmark = pytest.mark.timeout(900)

ACCOUNT = "111111111111"
NAMES = ("staging", "production")
# Half a minute of bake time is enough to see that a deployment works.
TIME_SCALE = 5.0


@dataclass(frozen=True)
class Side:
    """One of the two environments, with what its inventory says."""

    stage: Stage
    says: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.stage.inventory.env_name

    def client(self, service: str) -> Any:
        return self.stage.cloud.client(service)

    def group(self) -> Mapping[str, Any]:
        (group,) = self.client("autoscaling").describe_auto_scaling_groups(
            AutoScalingGroupNames=[f"hello-{self.name}-blue"]
        )["AutoScalingGroups"]
        return dict(group)

    def launch_template(self) -> Mapping[str, Any]:
        wanted = self.group()["LaunchTemplate"]
        (version,) = self.client("ec2").describe_launch_template_versions(
            LaunchTemplateId=wanted["LaunchTemplateId"], Versions=[wanted["Version"]]
        )["LaunchTemplateVersions"]
        return dict(version["LaunchTemplateData"])

    def alarms(self) -> dict[str, Mapping[str, Any]]:
        found = self.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"hello-{self.name}-")["MetricAlarms"]
        return {alarm["AlarmName"]: alarm for alarm in found}

    def cpu_alarm(self) -> Mapping[str, Any]:
        (alarm,) = (alarm for alarm in self.alarms().values() if alarm.get("MetricName") == "CPUUtilization")
        return alarm

    def topic(self) -> str:
        return self.stage.environment.outputs("load-balancer")["AlertTopicArn"]

    def addresses(self) -> list[str]:
        listed = self.client("sns").list_subscriptions_by_topic(TopicArn=self.topic())["Subscriptions"]
        return sorted(item["Endpoint"] for item in listed)

    def read_back(self) -> dict[str, Any]:
        """What the API has, under the names of the variables that ask for it."""
        elbv2, outputs = self.client("elbv2"), self.stage.environment.outputs("load-balancer")
        attributes = elbv2.describe_load_balancer_attributes(LoadBalancerArn=outputs["LoadBalancerArn"])["Attributes"]
        targets = elbv2.describe_target_group_attributes(TargetGroupArn=outputs["TargetGroupArnBlue"])["Attributes"]
        found = {item["Key"]: item["Value"] for item in [*attributes, *targets]}
        (policy,) = self.client("autoscaling").describe_policies(AutoScalingGroupName=f"hello-{self.name}-blue")[
            "ScalingPolicies"
        ]
        (log,) = self.client("logs").describe_log_groups(logGroupNamePrefix=f"/hello/{self.name}/blue")["logGroups"]
        (vpc,) = self.client("ec2").describe_vpcs(Filters=[{"Name": "tag:env", "Values": [self.name]}])["Vpcs"]
        template, group = self.launch_template(), self.group()
        return {
            "fleet_instance_type": template["InstanceType"],
            "fleet_cpu_credits": template["CreditSpecification"]["CpuCredits"],
            "fleet_min_size": group["MinSize"],
            "fleet_max_size": group["MaxSize"],
            "fleet_cpu_target_percent": policy["TargetTrackingConfiguration"]["TargetValue"],
            "fleet_cpu_alarm_percent": self.cpu_alarm()["Threshold"],
            "fleet_log_retention_days": log["retentionInDays"],
            "network_cidr": vpc["CidrBlock"],
            "load_balancer_alert_emails": self.addresses(),
            "load_balancer_deregistration_delay_seconds": int(found["deregistration_delay.timeout_seconds"]),
            "load_balancer_deletion_protection": found["deletion_protection.enabled"] == "true",
        }


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Side]]:
    directory = tmp_path_factory.mktemp("two")
    with cloud.running(directory, cloud.free_place(), Terms(ACCOUNT, "us-east-1", TIME_SCALE)) as running:
        made: dict[str, Side] = {}
        for name in NAMES:
            # One account for both, where nothing but names keeps them apart.
            given = {"aws_account_id": ACCOUNT, "registry_account_id": ACCOUNT}
            deployed = stage.deploy(running, name, PROJECT / "app", 1.0, given)
            made[name] = Side(deployed, _inventory(name))
        yield made


def _inventory(name: str) -> dict[str, Any]:
    """The variables of an environment: its own, over the roles' defaults."""
    files = [PROJECT / "roles" / role / "defaults" / "main.yml" for role in ("network", "load_balancer", "fleet")]
    files.append(PROJECT / "inventories" / name / "group_vars" / "all.yml")
    return {variable: value for file in files for variable, value in yaml.safe_load(file.read_text()).items()}


@pytest.mark.parametrize("name", NAMES)
def test_each_has_the_values_of_its_own_inventory(sides: dict[str, Side], name: str) -> None:
    side = sides[name]
    found = side.read_back()
    assert found == {variable: _plain(side.says[variable]) for variable in found}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


def test_the_two_differ_in_everything_that_makes_staging_cheap_and_production_safe(sides: dict[str, Side]) -> None:
    staging, production = (sides[name].read_back() for name in NAMES)
    assert [variable for variable in staging if staging[variable] == production[variable]] == []


def test_alarms_and_mails_are_each_ones_own(sides: dict[str, Side]) -> None:
    for side in sides.values():
        assert side.alarms()
        for alarm in side.alarms().values():
            assert {*alarm["AlarmActions"], *alarm["OKActions"]} == {side.topic()}, alarm["AlarmName"]
    assert sides["staging"].topic() != sides["production"].topic()


def test_an_alarm_of_one_is_mailed_to_its_own_addresses_only(sides: dict[str, Side]) -> None:
    side, running = sides["staging"], sides["staging"].stage.cloud
    mails.confirm_every_address(running)
    name = side.cpu_alarm()["AlarmName"]
    side.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a drill")

    def recipients() -> set[str]:
        found = mails.arrived(running)
        return {
            str(mail.message["To"]) for mail in found if str(mail.message["Subject"]).startswith(f'ALARM: "{name}"')
        }

    assert eventually(recipients, f"a mail of {name}") == set(side.addresses())


def test_certificates_and_names_are_each_ones_own(sides: dict[str, Side]) -> None:
    staging, production = (sides[name].stage for name in NAMES)
    assert staging.host != production.host
    for side in (staging, production):
        assert side.answer("/") == (200, "Hello World!")
    trusts_production = trusting(production.certificate)
    with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection((staging.host, 443), 5) as plain:
        trusts_production.wrap_socket(plain, server_hostname=staging.host)


def test_the_teardown_of_one_leaves_the_other(sides: dict[str, Side]) -> None:
    """Last in this file: staging is gone afterwards."""
    staging, production = (sides[name] for name in NAMES)
    before = (production.read_back(), sorted(production.alarms()), production.group()["Instances"])

    staging.stage.playbooks.run_well("playbooks/teardown.yml", teardown_environment="staging")

    assert (production.read_back(), sorted(production.alarms()), production.group()["Instances"]) == before
    assert production.stage.answer("/") == (200, "Hello World!")
    assert staging.alarms() == {}
    left = staging.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in left if "-staging-" in stack["StackName"]] == []
