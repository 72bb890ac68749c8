from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from localcloud.settings import Settings
from tests.cloud import aws_client
from tests.contract.control_plane import free_port, serving
from tests.contract.load_balancing.certificates import Issued, self_signed

BLOCK = f"127.{200 + os.getpid() % 40}"
SCALE = 20.0


@dataclass
class Account:
    """Clients of one account, and what tests need again and again."""

    endpoint: str
    state_dir: Path
    _undo: list[Callable[[], Any]] = field(default_factory=list)

    def client(self, service: str) -> Any:
        # What the client would refuse must be refused here as well.
        return aws_client(self.endpoint, service, config=Config(parameter_validation=False))

    def subnets(self) -> list[str]:
        found = self.client("ec2").describe_subnets()["Subnets"]
        zones = {subnet["AvailabilityZone"]: subnet["SubnetId"] for subnet in found}
        return [zones[zone] for zone in sorted(zones)][:2]

    def later(self, undo: Callable[[], Any]) -> None:
        self._undo.append(undo)

    def clean(self) -> None:
        """Load balancers first: they hold on to certificates and target groups."""
        elb = self.client("elbv2")
        for balancer in elb.describe_load_balancers()["LoadBalancers"]:
            elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
        while self._undo:
            with suppress(Exception):
                self._undo.pop()()

    def certificate(self, issued: Issued | None = None) -> str:
        acm = self.client("acm")
        issued = issued or self_signed()
        arn = acm.import_certificate(Certificate=issued.certificate, PrivateKey=issued.key)["CertificateArn"]
        self.later(lambda: acm.delete_certificate(CertificateArn=arn))
        return str(arn)

    def load_balancer(self, name: str, **changes: Any) -> str:
        elb = self.client("elbv2")
        made = elb.create_load_balancer(Name=name, Subnets=self.subnets(), **changes)["LoadBalancers"][0]
        return str(made["LoadBalancerArn"])

    def target_group(self, name: str, **changes: Any) -> str:
        elb = self.client("elbv2")
        arguments = {
            "Protocol": "HTTP", "Port": 8080, "VpcId": "vpc-1", "HealthCheckIntervalSeconds": 5,
            "HealthCheckTimeoutSeconds": 2, "HealthyThresholdCount": 2, "HealthCheckPath": "/healthz",
        }  # fmt: skip
        arn = elb.create_target_group(Name=name, **(arguments | changes))["TargetGroups"][0]["TargetGroupArn"]
        self.later(lambda: elb.delete_target_group(TargetGroupArn=arn))
        return str(arn)

    def listener(self, load_balancer: str, certificate: str, weights: dict[str, int], **changes: Any) -> str:
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
        arguments = {
            "Port": 443, "Protocol": "HTTPS", "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
            "Certificates": [{"CertificateArn": certificate}],
            "DefaultActions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
        }  # fmt: skip
        made = self.client("elbv2").create_listener(LoadBalancerArn=load_balancer, **(arguments | changes))
        return str(made["Listeners"][0]["ListenerArn"])

    def states(self, group: str) -> dict[str, str]:
        found = self.client("elbv2").describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {each["Target"]["Id"]: each["TargetHealth"]["State"] for each in found}

    def await_states(self, group: str, wanted: dict[str, str], deadline: float = 20) -> None:
        end = time.monotonic() + deadline
        while (found := self.states(group)) != wanted:
            assert time.monotonic() < end, f"not within {deadline} s: {wanted}; found {found}"
            time.sleep(0.1)

    def address(self, load_balancer: str) -> str:
        """Where the name of the load balancer leads, once it does."""
        found = self.client("elbv2").describe_load_balancers(LoadBalancerArns=[load_balancer])["LoadBalancers"][0]
        end = time.monotonic() + 20
        while True:
            lines = (self.state_dir / "hosts").read_text().splitlines()
            for line in lines:
                if found["DNSName"] in line:
                    return line.split()[0]
            assert time.monotonic() < end, lines
            time.sleep(0.1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    state_dir = tmp_path_factory.mktemp("load_balancing")
    (state_dir / "hosts").write_text("")
    block = IPv4Network(f"{BLOCK}.0.0/16")
    settings = Settings(state_dir, port=free_port(), address_block=block, time_scale=SCALE)
    with serving(Path(__file__).with_name("server.py"), settings) as endpoint:
        yield endpoint, state_dir


@pytest.fixture
def account(server: tuple[str, Path]) -> Iterator[Account]:
    account = Account(*server)
    yield account
    account.clean()
