"""A balancer on addresses of its own, and small applications behind it."""

from __future__ import annotations

import datetime
import itertools
import os
import shutil
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from localcloud.balancer import Balancer, BalancerError
from localcloud.desired import ForwardRule, HealthCheck, ListenerSpec, LoadBalancerSpec, Target, TargetGroupSpec
from localcloud.settings import Settings

_BLOCK = 100 + os.getpid() % 100
_ADDRESSES = (f"127.{_BLOCK}.{n // 250}.{n % 250 + 2}" for n in itertools.count())
SCALE = 50.0
"""A health check every 10 s is one every 0.2 s here."""
LB_ARN = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/hello/0123456789abcdef"
DNS_NAME = "hello-0123456789.us-east-1.elb.amazonaws.com"


def group_arn(name: str) -> str:
    return f"arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/{name}/fedcba9876543210"


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """A health check closes its connection when it knows enough."""


class App:
    """An HTTP server that says its name, and fails on demand."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.address = next(_ADDRESSES)
        self.port = 8080
        self.status = 200
        self.delay = 0.0
        self.requests: list[dict[str, str]] = []
        self.checks = 0
        self._server: ThreadingHTTPServer | None = None
        self.start()

    def start(self) -> None:
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/healthz":
                    app.checks += 1
                    self._answer(app.status, "")
                    return
                app.requests.append({k.lower(): v for k, v in self.headers.items()})
                time.sleep(float(self.headers.get("x-take", app.delay)))
                self._answer(int(self.headers.get("x-status", 200)), app.name)

            def _answer(self, status: int, text: str) -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                return

        self._server = _Server((self.address, self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def target(self, draining: bool = False) -> Target:
        return Target(f"i-{self.name}", self.address, self.port, draining)


def certificate(days: int = 30) -> tuple[str, str]:
    """A new self-signed certificate for every load balancer name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hello")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("*.us-east-1.elb.amazonaws.com")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return built.public_bytes(pem).decode(), private.decode()


@dataclass
class Lab:
    """A balancer, the specification it was last given, and clients that know only its certificate."""

    balancer: Balancer
    spec: LoadBalancerSpec
    state_dir: Path
    hosts_file: Path
    apps: list[App] = field(default_factory=list)
    clients: list[httpx.Client] = field(default_factory=list)

    def app(self, name: str) -> App:
        self.apps.append(App(name))
        return self.apps[-1]

    def group(self, name: str, *targets: Target, **changes: Any) -> TargetGroupSpec:
        check = HealthCheck("/healthz", 10, 5, 3, 2, "200")
        group = TargetGroupSpec(group_arn(name), name, check, 30, "least_outstanding_requests", targets, True)
        return replace(group, **changes)

    def apply(self, **changes: Any) -> None:
        self.spec = replace(self.spec, **changes)
        self.balancer.apply([self.spec])

    def serve(self, *groups: TargetGroupSpec, rules: list[ForwardRule] | None = None, **changes: Any) -> None:
        """Applies these groups; without rules, everything goes to the first of them."""
        rules = rules or [ForwardRule(50_000, None, (), {groups[0].arn: 100})]
        listener = replace(self.spec.listeners[0], rules=rules)
        self.apply(target_groups=groups, listeners=[listener], **changes)

    def states(self, group: TargetGroupSpec) -> dict[str, str]:
        return {name: found.state for name, found in self.balancer.health().get(group.arn, {}).items()}

    def await_states(self, group: TargetGroupSpec, deadline: float = 20, **wanted: str) -> None:
        """Ticks like the reconciler until the targets (named without i-) are in these states."""
        self.until(lambda: self.states(group) == {f"i-{k}": v for k, v in wanted.items()}, str(wanted), deadline)

    def until(self, condition: Callable[[], bool], what: str, deadline: float = 20) -> None:
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            self.balancer.apply([self.spec])
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError(f"not within {deadline} s: {what}; health is {self.balancer.health()}")

    @property
    def reloads(self) -> int:
        return self.balancer.load_balancers[LB_ARN].reloads

    @property
    def url(self) -> str:
        return f"https://{self.spec.address}"

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.spec.listeners[0].certificate_pem)

    def client(self, http2: bool = False) -> httpx.Client:
        client = httpx.Client(
            verify=self.tls(),
            http2=http2,
            base_url=self.url,
            headers={"Host": DNS_NAME},
            trust_env=False,
            timeout=20,
        )
        self.clients.append(client)
        return client

    def get(self, path: str = "/", **headers: str) -> httpx.Response:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.get(path, headers=headers, extensions={"sni_hostname": DNS_NAME})

    def answered_by(self, requests: int = 10, **headers: str) -> set[str]:
        return {self.get(**headers).text for _ in range(requests)}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    if shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin") is None:
        pytest.fail("haproxy is not installed")
    state_dir, hosts_file = tmp_path / "state", tmp_path / "hosts"
    state_dir.mkdir()
    hosts_file.write_text("127.0.0.1 localhost\n")
    settings = Settings(state_dir=state_dir, address_block=IPv4Network(f"127.{_BLOCK}.0.0/16"), time_scale=SCALE)
    certificate_pem, key_pem = certificate()
    listener = ListenerSpec(
        arn=LB_ARN.replace("loadbalancer", "listener") + "/0",
        port=443,
        ssl_policy="ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        certificate_pem=certificate_pem,
        chain_pem="",
        key_pem=key_pem,
    )
    spec = LoadBalancerSpec(LB_ARN, DNS_NAME, next(_ADDRESSES), 60, 3600, {}, [listener])
    lab = Lab(Balancer(settings, hosts_file), spec, state_dir, hosts_file)
    try:
        yield lab
    finally:
        for client in lab.clients:
            client.close()
        lab.balancer.close()
        for app in lab.apps:
            app.stop()


__all__ = ["App", "BalancerError", "Lab", "certificate", "group_arn"]
