"""Our own templates, deployed once, and what drift detection says of them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import yaml

from tests.cloud import ACCOUNT, PROJECT, aws_client
from tests.contract.load_balancing.certificates import self_signed
from tests.unit.localcloud.stacks.test_properties import Loader, expand

APPLIED_WITH_THE_ROLE = ("registry", "network", "load-balancer", "fleet")
TAGS = {"app": "hello", "env": "test"}
RUNBOOK = "https://example.com/runbook.md"


@dataclass
class Account:
    endpoint: str
    number: str = ACCOUNT
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = aws_client(self.endpoint, service)
        return self._clients[service]

    def __getattr__(self, service: str) -> Any:
        """`account.ec2` is a client of the service."""
        return self.client(service)


@dataclass
class Stack:
    account: Account
    name: str
    body: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    role_arn: str = ""

    def deploy(self) -> Stack:
        self.account.cloudformation.create_stack(
            StackName=self.name,
            TemplateBody=self.body,
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()],
            Tags=[{"Key": key, "Value": value} for key, value in TAGS.items()],
            **({"RoleARN": self.role_arn} if self.role_arn else {}),
        )
        assert self.settled() == "CREATE_COMPLETE", self.reasons()
        return self

    def update(self, **parameters: str) -> str:
        """With some other parameters; the state it ended in."""
        changed = {**dict.fromkeys(self.parameters), **parameters}
        self.account.cloudformation.update_stack(
            StackName=self.name,
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                {"ParameterKey": key, **({"UsePreviousValue": True} if value is None else {"ParameterValue": value})}
                for key, value in changed.items()
            ],
        )
        return self.settled()

    def removed(self) -> str:
        """The state it ended in; one that is gone is still known by its id."""
        (found,) = self.account.cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        self.account.cloudformation.delete_stack(StackName=self.name)
        return self.settled(found["StackId"])

    def settled(self, stack_id: str = "") -> str:
        end = time.monotonic() + 30
        while True:
            (found,) = self.account.cloudformation.describe_stacks(StackName=stack_id or self.name)["Stacks"]
            status = str(found["StackStatus"])
            if not status.endswith("IN_PROGRESS"):
                return status
            assert time.monotonic() < end, status
            time.sleep(0.1)

    def reasons(self) -> list[str]:
        events = self.account.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return [event["ResourceStatusReason"] for event in events if event.get("ResourceStatusReason")]

    @cached_property
    def outputs(self) -> dict[str, str]:
        found = self.account.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", ())}

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        found = self.account.cloudformation.describe_stack_resources(StackName=self.name)["StackResources"]
        return {resource["LogicalResourceId"]: resource for resource in found}

    def id_of(self, logical_id: str) -> str:
        return str(self.resources[logical_id]["PhysicalResourceId"])

    def drift(self) -> tuple[str, dict[str, dict[str, Any]]]:
        """(the stack's drift status, StackResourceDrift by logical id), of a detection made now."""
        api = self.account.cloudformation
        detection = api.detect_stack_drift(StackName=self.name)["StackDriftDetectionId"]
        status = api.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        assert status["DetectionStatus"] == "DETECTION_COMPLETE", status
        found = api.describe_stack_resource_drifts(StackName=self.name)["StackResourceDrifts"]
        return str(status["StackDriftStatus"]), {drift["LogicalResourceId"]: drift for drift in found}

    def differences(self) -> dict[str, list[tuple[str, str, str, str]]]:
        """Of every resource that is not as it should be: (path, kind, expected, actual); DELETED has none."""
        _, drifts = self.drift()
        return {
            logical_id: sorted(
                (one["PropertyPath"], one["DifferenceType"], one["ExpectedValue"], one["ActualValue"])
                for one in drift.get("PropertyDifferences", ())
            )
            for logical_id, drift in drifts.items()
            if drift["StackResourceDriftStatus"] != "IN_SYNC"
        }


TABLE_AND_ROLE = {
    "Resources": {
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "TableName": "releases",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "environment", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "environment", "KeyType": "HASH"}],
                "DeletionProtectionEnabled": True,
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": True},
                "SSESpecification": {"SSEEnabled": True},
            },
        },
        "Boundary": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {
                "ManagedPolicyName": "boundary",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}],
                },
            },
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "bounded",
                "PermissionsBoundary": {"Ref": "Boundary"},
                "ManagedPolicyArns": [{"Ref": "Boundary"}],
                "MaxSessionDuration": 7200,
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"Service": "cloudformation.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    },
                },
            },
        },
    }
}
"""What bootstrap.yml may come to say and does not yet."""


@dataclass
class Cloud:
    """Every template of ours in one account, one on top of the other, with the role that the first of them makes."""

    account: Account
    stacks: dict[str, Stack] = field(default_factory=dict)

    def deploy(self) -> Cloud:
        for make in (self._independent, self._load_balancer, self._fleet):
            for name, (body, parameters) in make().items():
                role = self.stacks["bootstrap"].outputs["ServiceRoleArn"] if name in APPLIED_WITH_THE_ROLE else ""
                # The role's rights go by the names that roles give their stacks.
                stack_name = f"hello-test-{name}{'-blue' if name == 'fleet' else ''}"
                self.stacks[name] = Stack(self.account, stack_name, body, parameters, role).deploy()
        return self

    def _independent(self) -> dict[str, tuple[str, dict[str, str]]]:
        return {
            "bootstrap": (text("bootstrap"), {}),
            "table-and-role": (json.dumps(TABLE_AND_ROLE), {}),
            "registry": (text("registry"), {"RepositoryName": "hello", "PullAccountIds": "111111111111,222222222222"}),
            "network": (text("network"), {"EnvName": "test", "Cidr": "10.77.0.0/16"}),
        }

    def _load_balancer(self) -> dict[str, tuple[str, dict[str, str]]]:
        issued = self_signed()
        network = self.stacks["network"].outputs
        certificate = self.account.acm.import_certificate(Certificate=issued.certificate, PrivateKey=issued.key)
        parameters = {
            "EnvName": "test",
            "VpcId": network["VpcId"],
            "SubnetIds": network["SubnetIds"],
            "CertificateArn": certificate["CertificateArn"],
            "AlertEmails": "a@example.com,b@example.com",
            "RunbookUrl": RUNBOOK,
            "NotificationsEncrypted": "true",
        }
        return {"load-balancer": (text("load_balancer"), parameters)}

    def _fleet(self) -> dict[str, tuple[str, dict[str, str]]]:
        network, balancer = self.stacks["network"].outputs, self.stacks["load-balancer"].outputs
        registry = self.stacks["registry"].outputs
        parameters = {
            "EnvName": "test",
            "Colour": "blue",
            "VpcId": network["VpcId"],
            "SubnetIds": network["SubnetIds"],
            "LoadBalancerSecurityGroupId": balancer["SecurityGroupId"],
            "TargetGroupArn": balancer["TargetGroupArnBlue"],
            "MachineImageId": "ami-0123456789abcdef0",
            "InstanceType": "t3.micro",
            "MinSize": "0",
            "MaxSize": "2",
            "RepositoryUri": registry["RepositoryUri"].replace("localhost:", "registry.example.com:"),
            "RepositoryArn": registry["RepositoryArn"],
            "ImageDigest": f"sha256:{'0' * 64}",
            "Release": "1",
            "CpuTargetPercent": "50",
            "AlertTopicArn": balancer["AlertTopicArn"],
            "RunbookUrl": RUNBOOK,
        }
        return {"fleet": (text("fleet"), parameters)}


def text(template: str) -> str:
    return (PROJECT / "cloudformation" / f"{template}.yml").read_text()


def types_in_templates() -> set[str]:
    """Of every template there is, those behind a condition included."""
    types: set[str] = set()
    for path in (PROJECT / "cloudformation").glob("*.yml"):
        template = yaml.load(path.read_text(), Loader)
        types |= {resource["Type"] for resource in expand(template["Resources"]).values()}
    return types
