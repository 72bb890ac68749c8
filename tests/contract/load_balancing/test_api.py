"""Elastic Load Balancing's API: what it keeps, what it reports, what it refuses."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from botocore.exceptions import ClientError

from tests.contract.load_balancing.conftest import BLOCK, SCALE, Account

PREVIEW = "X-Fleet-Preview"


class _Machine(BaseHTTPRequestHandler):
    """Says its own address; unhealthy ones are in `sick`."""

    protocol_version = "HTTP/1.1"
    sick: set[str] = set()  # noqa: RUF012 # shared on purpose

    def do_GET(self) -> None:
        address = str(self.connection.getsockname()[0])
        body = address.encode()
        self.send_response(500 if address in self.sick and self.path == "/healthz" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A health check closes its connection when it knows enough."""


@pytest.fixture
def machines() -> Iterator[dict[str, str]]:
    """Applications on the addresses of i-1 … i-3."""
    _Machine.sick.clear()
    servers = [_Server((f"{BLOCK}.0.1{number}", 8080), _Machine) for number in (1, 2, 3)]
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield {f"i-{number}": f"{BLOCK}.0.1{number}" for number in (1, 2, 3)}
    for server in servers:
        server.shutdown()
        server.server_close()


def answers(address: str, requests: int = 8, headers: dict[str, str] | None = None) -> set[str]:
    # Who answers is the question here; that the certificate verifies is tested with the balancer.
    context = ssl._create_unverified_context()
    found = set()
    for _ in range(requests):
        link = HTTPSConnection(address, 443, context=context, timeout=10)
        link.request("GET", "/", headers=headers or {})
        answer = link.getresponse()
        found.add(answer.read().decode() if answer.status == 200 else str(answer.status))
        link.close()
    return found


def await_answers(address: str, wanted: set[str], headers: dict[str, str] | None = None) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            found = answers(address, headers=headers)
            if found == wanted:
                return
        except OSError as error:
            found = {repr(error)}
        assert time.monotonic() < end, f"wanted {wanted}, found {found}"
        time.sleep(0.1)


def test_from_the_api_to_answers(account: Account, machines: dict[str, str]) -> None:
    """Weights, preview rule, real health, draining: through the API alone."""
    elb = account.client("elbv2")
    blue, green = account.target_group("blue"), account.target_group("green")
    for group in (blue, green):
        elb.modify_target_group_attributes(
            TargetGroupArn=group, Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "40"}]
        )
    balancer = account.load_balancer("live")
    listener = account.listener(balancer, account.certificate(), {blue: 100, green: 0})
    condition = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": PREVIEW, "Values": ["green"]}}
    elb.create_rule(
        ListenerArn=listener, Priority=2, Conditions=[condition],
        Actions=[{"Type": "forward", "TargetGroupArn": green}],
    )  # fmt: skip
    elb.register_targets(TargetGroupArn=blue, Targets=[{"Id": "i-1"}, {"Id": "i-2"}])
    elb.register_targets(TargetGroupArn=green, Targets=[{"Id": "i-3"}])
    account.await_states(blue, {"i-1": "healthy", "i-2": "healthy"})
    account.await_states(green, {"i-3": "healthy"})
    address = account.address(balancer)
    await_answers(address, {machines["i-1"], machines["i-2"]})
    assert answers(address, headers={PREVIEW: "green"}) == {machines["i-3"]}

    _Machine.sick.add(machines["i-2"])
    account.await_states(blue, {"i-1": "healthy", "i-2": "unhealthy"})
    health = {
        each["Target"]["Id"]: each["TargetHealth"]
        for each in elb.describe_target_health(TargetGroupArn=blue)["TargetHealthDescriptions"]
    }
    assert health["i-1"] == {"State": "healthy"}
    assert health["i-2"]["Reason"] == "Target.ResponseCodeMismatch"
    assert answers(address) == {machines["i-1"]}

    weights = [{"TargetGroupArn": blue, "Weight": 0}, {"TargetGroupArn": green, "Weight": 100}]
    action = {"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}
    elb.modify_listener(ListenerArn=listener, DefaultActions=[action])
    await_answers(address, {machines["i-3"]})

    begin = time.monotonic()
    elb.deregister_targets(TargetGroupArn=blue, Targets=[{"Id": "i-1"}])
    assert account.states(blue)["i-1"] == "draining"
    account.await_states(blue, {"i-2": "unhealthy"})
    assert time.monotonic() - begin >= 40 / SCALE


def test_forward_weights_are_kept_and_returned(account: Account) -> None:
    """TargetGroupTuple and ForwardActionConfig in the API reference."""
    elb = account.client("elbv2")
    blue, green = account.target_group("w-blue"), account.target_group("w-green")
    balancer = account.load_balancer("weights")
    listener = account.listener(balancer, account.certificate(), {blue: 100, green: 0})
    found = elb.describe_listeners(ListenerArns=[listener])["Listeners"][0]
    forward = found["DefaultActions"][0]["ForwardConfig"]
    assert forward["TargetGroups"] == [
        {"TargetGroupArn": blue, "Weight": 100},
        {"TargetGroupArn": green, "Weight": 0},
    ]
    assert "TargetGroupArn" not in found["DefaultActions"][0]
    default = elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [(rule["Priority"], rule["IsDefault"]) for rule in default] == [("default", True)]
    assert default[0]["Actions"][0]["ForwardConfig"] == forward
    for group in (blue, green):
        view = elb.describe_target_groups(TargetGroupArns=[group])["TargetGroups"][0]
        assert view["LoadBalancerArns"] == [balancer]


def test_splitting_traffic_is_refused_by_name(account: Account) -> None:
    blue, green = account.target_group("s-blue"), account.target_group("s-green")
    balancer, certificate = account.load_balancer("split"), account.certificate()
    with pytest.raises(ClientError, match=r"localcloud does not support splitting traffic \(weights 30/70\) yet"):
        account.listener(balancer, certificate, {blue: 30, green: 70})


def test_what_a_listener_needs(account: Account) -> None:
    """CreateListener in the API reference, section Errors."""
    balancer, group, certificate = account.load_balancer("needs"), account.target_group("needs"), account.certificate()
    missing = "arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-0000-0000-000000000000"
    for changes, code in (
        ({"Certificates": [{"CertificateArn": missing}]}, "CertificateNotFound"),
        ({"Certificates": []}, "CertificateNotFound"),
        ({"SslPolicy": "ELBSecurityPolicy-Imaginary"}, "SSLPolicyNotFound"),
        ({"Protocol": "TLS"}, "UnsupportedProtocol"),
        ({"Protocol": "HTTP"}, "localcloud does not support HTTP listeners"),
        ({"SslPolicy": "ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04"}, "localcloud does not support the security policy"),
        ({"DefaultActions": [{"Type": "forward", "TargetGroupArn": group + "0"}]}, "TargetGroupNotFound"),
        ({"DefaultActions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]}, "redirect actions"),
    ):
        with pytest.raises(ClientError, match=code):
            account.listener(balancer, certificate, {group: 1}, **changes)
    account.listener(balancer, certificate, {group: 1})
    with pytest.raises(ClientError, match="DuplicateListener"):
        account.listener(balancer, certificate, {group: 1})


def test_what_cannot_be_deleted(account: Account) -> None:
    """DeleteTargetGroup: "You can delete a target group if it is not referenced by any actions."; DeleteLoadBalancer:
    "You can't delete a load balancer if deletion protection is enabled."."""
    elb = account.client("elbv2")
    balancer, group = account.load_balancer("guarded"), account.target_group("guarded")
    account.listener(balancer, account.certificate(), {group: 1})
    with pytest.raises(ClientError, match="ResourceInUse"):
        elb.delete_target_group(TargetGroupArn=group)
    protection = {"Key": "deletion_protection.enabled", "Value": "true"}
    elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[protection])
    with pytest.raises(ClientError, match="OperationNotPermitted"):
        elb.delete_load_balancer(LoadBalancerArn=balancer)
    protection["Value"] = "false"
    elb.modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=[protection])
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    elb.delete_load_balancer(LoadBalancerArn=balancer)
    elb.delete_target_group(TargetGroupArn=group)
    with pytest.raises(ClientError, match="LoadBalancerNotFound"):
        elb.describe_load_balancers(LoadBalancerArns=[balancer])


def test_a_stopped_instance_is_no_target(account: Account) -> None:
    """TargetHealth: Target.InvalidState "The target is in the stopped or terminated state."."""
    elb, ec2 = account.client("elbv2"), account.client("ec2")
    balancer, group = account.load_balancer("stopped"), account.target_group("stopped")
    account.listener(balancer, account.certificate(), {group: 1})
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "i-4"}])
    account.await_states(group, {"i-4": "unhealthy"})
    ec2.terminate_instances(InstanceIds=["i-4"])
    found = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]["TargetHealth"]
    assert (found["State"], found["Reason"]) == ("unused", "Target.InvalidState")
    await_answers(account.address(balancer), {"503"})
