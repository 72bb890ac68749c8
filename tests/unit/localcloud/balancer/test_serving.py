"""What a client of the load balancer sees. Facts are named by the AWS document they come from."""

from __future__ import annotations

import re
import socket
import ssl
import stat
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest

from localcloud.desired import ForwardRule

if TYPE_CHECKING:
    from .conftest import Lab

PREVIEW = "X-Fleet-Preview"


def _handshake(lab: Lab, version: ssl.TLSVersion) -> str | None:
    context = lab.tls()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection((lab.spec.address, 443), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=lab.spec.dns_name) as link,
    ):
        return link.version()


def test_tls_versions_are_those_of_the_policy(lab: Lab) -> None:
    """ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09: TLS 1.2 and 1.3 (Security policies for your ALB)."""
    lab.serve(lab.group("blue"))
    assert _handshake(lab, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    assert _handshake(lab, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises((ssl.SSLError, OSError)), pytest.warns(DeprecationWarning):
        _handshake(lab, ssl.TLSVersion.TLSv1_1)


def test_http_1_and_2_on_a_name_that_the_certificate_holds(lab: Lab) -> None:
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="healthy")
    for http2, version in ((False, "HTTP/1.1"), (True, "HTTP/2")):
        answer = lab.client(http2).get("/", extensions={"sni_hostname": lab.spec.dns_name})
        assert (answer.http_version, answer.status_code, answer.text) == (version, 200, "a")


def test_http2_can_be_switched_off(lab: Lab) -> None:
    """Load balancer attribute routing.http2.enabled."""
    lab.serve(lab.group("blue"), attributes={"routing.http2.enabled": "false"})
    answer = lab.client(http2=True).get("/", extensions={"sni_hostname": lab.spec.dns_name})
    assert answer.http_version == "HTTP/1.1"


def test_nothing_listens_on_port_80(lab: Lab) -> None:
    lab.serve(lab.group("blue"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((lab.spec.address, 80), timeout=2)


def test_the_key_is_private_and_goes_with_the_load_balancer(lab: Lab) -> None:
    lab.serve(lab.group("blue"))
    files = list(lab.state_dir.rglob("*.pem"))
    assert files
    for file in files:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    lab.balancer.apply([])
    assert not list(lab.state_dir.rglob("*.pem"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((lab.spec.address, 443), timeout=2)


def test_preview_header_and_weights(lab: Lab) -> None:
    """ "Listener rules": http-header conditions ignore case and know * and ?; weights choose among the rest."""
    blue, green = lab.app("blue"), lab.app("green")
    groups = lab.group("blue", blue.target()), lab.group("green", green.target())
    arns = [group.arn for group in groups]

    def rules(weight_blue: int, weight_green: int) -> list[ForwardRule]:
        return [
            ForwardRule(1, PREVIEW, ("blue",), {arns[0]: 1}),
            ForwardRule(2, PREVIEW, ("gr?en", "no*thing"), {arns[1]: 1}),
            ForwardRule(50_001, None, (), {arns[0]: weight_blue, arns[1]: weight_green}),
        ]

    lab.serve(*groups, rules=rules(100, 0))
    lab.await_states(groups[0], blue="healthy")
    lab.await_states(groups[1], green="healthy")
    assert lab.answered_by() == {"blue"}
    for value, answer in (("green", "green"), ("GREEN", "green"), ("noXthing", "green"), ("greens", "blue")):
        assert lab.get(**{PREVIEW: value}).text == answer
    lab.serve(*groups, rules=rules(0, 100))
    assert lab.answered_by() == {"green"}
    assert lab.get(**{PREVIEW: "blue"}).text == "blue"
    lab.serve(*groups, rules=rules(50, 50))
    assert lab.answered_by(40) == {"blue", "green"}
    assert lab.reloads == 0


def test_weights_all_zero(lab: Lab) -> None:
    group = lab.group("blue", lab.app("a").target())
    lab.serve(group, rules=[ForwardRule(50_001, None, (), {group.arn: 0})])
    assert lab.get().status_code == 503


def test_what_the_application_is_told_about_the_client(lab: Lab) -> None:
    """ "HTTP headers and Application Load Balancers" and "Request tracing for your Application Load Balancer"."""
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group, attributes={"routing.http.drop_invalid_header_fields.enabled": "true"})
    lab.await_states(group, a="healthy")
    lab.get()
    lab.get(
        **{"X-Forwarded-For": "203.0.113.7", "X-Amzn-Trace-Id": "Self=1-2-3;Root=1-67891233-abc;Q=1", "bad_name": "x"}
    )
    first, second = app.requests
    assert first["x-forwarded-for"].startswith("127.")
    assert (first["x-forwarded-proto"], first["x-forwarded-port"]) == ("https", "443")
    assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24}", first["x-amzn-trace-id"])
    assert re.fullmatch(r"203\.0\.113\.7, 127\.[\d.]+", second["x-forwarded-for"])
    assert re.fullmatch(r"Self=1-[0-9a-f]{8}-[0-9a-f]{24};Root=1-67891233-abc;Q=1", second["x-amzn-trace-id"])
    assert "bad_name" not in second
    assert first["host"] == lab.spec.dns_name


def test_503_without_targets(lab: Lab) -> None:
    """ "HTTP 503": "The target groups for the load balancer have no registered targets"."""
    lab.serve(lab.group("blue"))
    answer = lab.get()
    assert (answer.status_code, answer.headers["server"]) == (503, "awselb/2.0")
    assert "503 Service Temporarily Unavailable" in answer.text
    assert "date" in answer.headers


def test_502_when_the_target_refuses_and_no_retry(lab: Lab) -> None:
    """ "HTTP 502: Bad gateway": "The load balancer received a TCP RST from the target when attempting to establish a
    connection". A healthy second target does not save the request: the load balancer does not retry."""
    dead, alive = lab.app("dead"), lab.app("alive")
    slow = replace(lab.group("blue").health_check, interval=150, timeout=120)
    group = lab.group("blue", dead.target(), alive.target(), health_check=slow, algorithm="round_robin")
    lab.serve(group)
    lab.await_states(group, dead="healthy", alive="healthy")
    dead.stop()
    answers = [lab.get() for _ in range(10)]
    assert {(answer.status_code, answer.text if answer.status_code == 200 else "") for answer in answers} == {
        (200, "alive"),
        (502, ""),
    }
    assert sum(answer.status_code == 502 for answer in answers) == 5
    failed = next(answer for answer in answers if answer.status_code == 502)
    assert failed.headers["server"] == "awselb/2.0"
    assert "502 Bad Gateway" in failed.text


def test_504_when_the_target_is_silent_for_the_idle_timeout(lab: Lab) -> None:
    """ "HTTP 504: Gateway timeout": "the target did not respond before the idle timeout period elapsed"."""
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group, idle_timeout=1)
    lab.await_states(group, a="healthy")
    begin = time.monotonic()
    answer = lab.get(**{"x-take": "3"})
    assert answer.status_code == 504
    assert 0.9 < time.monotonic() - begin < 2.5
    assert "504 Gateway Time-out" in answer.text


def test_all_unhealthy_fails_open(lab: Lab) -> None:
    """ "Health checks": "If a target group contains only unhealthy registered targets, the load balancer routes
    requests to all those targets, regardless of their health status."."""
    one, two = lab.app("one"), lab.app("two")
    one.status = two.status = 500
    group = lab.group("blue", one.target(), two.target())
    lab.serve(group)
    lab.await_states(group, one="unhealthy", two="unhealthy")
    assert lab.answered_by() == {"one", "two"}
    two.status = 200
    lab.await_states(group, one="unhealthy", two="healthy")
    assert lab.answered_by() == {"two"}


def test_client_keep_alive_ends_a_connection_that_is_too_old(lab: Lab) -> None:
    """ "HTTP client keepalive duration": the connection is closed after it has elapsed."""
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group, client_keep_alive=1)
    lab.await_states(group, a="healthy")
    client = lab.client()
    extensions = {"sni_hostname": lab.spec.dns_name}
    assert "close" not in client.get("/", extensions=extensions).headers.get("connection", "")
    time.sleep(1.2)
    assert client.get("/", extensions=extensions).headers["connection"] == "close"


def test_a_policy_that_is_not_known_is_refused_by_name(lab: Lab) -> None:
    listener = replace(lab.spec.listeners[0], ssl_policy="ELBSecurityPolicy-Imaginary")
    with pytest.raises(Exception, match="ELBSecurityPolicy-Imaginary"):
        lab.apply(listeners=[listener])


def test_a_port_that_is_taken_is_named(lab: Lab) -> None:
    with socket.create_server((lab.spec.address, 443)), pytest.raises(Exception, match=rf"{lab.spec.address}:443"):
        lab.serve(lab.group("blue"))
    lab.serve(lab.group("blue"))
    assert isinstance(lab.get(), httpx.Response)
