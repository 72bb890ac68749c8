"""Every request that a load balancer answers is told, with who answered it and how long that took."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from localcloud.balancer import requests
from localcloud.balancer.requests import RequestLog, parsed
from localcloud.desired import AnsweredRequest

from .conftest import DNS_NAME, LB_ARN

if TYPE_CHECKING:
    from .conftest import Lab


def answered(lab: Lab, count: int) -> list[AnsweredRequest]:
    """The next `count` requests and not one more, in order."""
    found: list[AnsweredRequest] = []

    def enough() -> bool:
        found.extend(lab.balancer.answered())
        return len(found) >= count

    lab.until(enough, f"{count} requests told")
    assert len(found) == count
    return sorted(found, key=lambda request: request.at)


def test_an_answer_of_a_target_is_told_with_its_time(lab: Lab) -> None:
    """ "TargetResponseTime": "after the request leaves the load balancer until the target starts to send the response
    headers"; health checks are not requests."""
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="healthy")
    begin = time.time()
    assert lab.get(**{"x-take": "0.2"}).status_code == 200
    (request,) = answered(lab, 1)
    assert begin - 0.01 <= request.at <= time.time()
    assert request.target_seconds is not None
    assert 0.2 <= request.target_seconds < 2
    assert replace(request, at=0, target_seconds=None) == AnsweredRequest(
        0, LB_ARN, 200, group.arn, "i-a", target_answered=True
    )
    assert app.checks > 0


def test_a_status_of_the_target_is_the_targets_own(lab: Lab) -> None:
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="healthy")
    lab.get(**{"x-status": "503"})
    lab.get(**{"x-status": "404"})
    assert [(r.status, r.target_answered, r.connection_failed) for r in answered(lab, 2)] == [
        (503, True, False),
        (404, True, False),
    ]


def test_a_refused_connection_is_the_load_balancers_502(lab: Lab) -> None:
    """ "TargetConnectionErrorCount": connections that were not successfully established."""
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="healthy")
    app.stop()
    assert lab.get().status_code == 502
    (request,) = answered(lab, 1)
    assert replace(request, at=0) == AnsweredRequest(0, LB_ARN, 502, group.arn, "i-a", connection_failed=True)


def test_an_answer_that_takes_too_long_is_no_connection_error(lab: Lab) -> None:
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group, idle_timeout=1)
    lab.await_states(group, a="healthy")
    assert lab.get(**{"x-take": "3"}).status_code == 504
    (request,) = answered(lab, 1)
    assert replace(request, at=0) == AnsweredRequest(0, LB_ARN, 504, group.arn, "i-a")


def test_without_any_target_none_is_named(lab: Lab) -> None:
    """ "RequestCount": "only incremented for requests where the load balancer node was able to choose a target"."""
    lab.serve(lab.group("blue"))
    assert lab.get().status_code == 503
    (request,) = answered(lab, 1)
    assert replace(request, at=0) == AnsweredRequest(0, LB_ARN, 503)


def test_a_target_that_is_used_because_none_is_healthy_belongs_to_its_group(lab: Lab) -> None:
    app = lab.app("a")
    app.status = 500
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="unhealthy")
    lab.get()
    (request,) = answered(lab, 1)
    assert (request.target_group_arn, request.instance_id) == (group.arn, "i-a")


def test_what_is_no_request_is_told_as_the_load_balancers_answer_or_not_at_all(lab: Lab) -> None:
    lab.serve(lab.group("blue"))
    socket.create_connection((lab.spec.address, 443)).close()
    context = lab.tls()
    with (
        socket.create_connection((lab.spec.address, 443)) as plain,
        context.wrap_socket(plain, server_hostname=DNS_NAME) as tls,
    ):
        tls.sendall(b"GET\x01/\r\n\r\n")
        assert b" 400 " in tls.recv(100)
    (request,) = answered(lab, 1)
    assert replace(request, at=0) == AnsweredRequest(0, LB_ARN, 400)


def _reload(lab: Lab) -> None:
    lab.serve(*lab.spec.target_groups, lab.group("green"))
    assert lab.reloads == 1


def _crash(lab: Lab) -> None:
    process = lab.balancer.load_balancers[LB_ARN].process
    for pid in (process.runtime.process_id(), process.pid):
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    lab.until(lambda: lab.get().text == "a", "served again")


def _end(lab: Lab) -> None:
    lab.balancer.apply([])


@pytest.mark.parametrize("disturb", [_reload, _crash, _end])
def test_none_is_lost_by_a_reload_a_crash_or_the_end(lab: Lab, disturb: Callable[[Lab], None]) -> None:
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="healthy")
    for _ in range(20):
        lab.get()
    disturb(lab)
    if disturb is not _end:
        lab.get()
    deadline = time.monotonic() + 10
    found: list[AnsweredRequest] = []
    while len(found) < len(app.requests) and time.monotonic() < deadline:
        found += lab.balancer.answered()
        time.sleep(0.02)
    assert len([request for request in found if request.target_answered]) == len(app.requests)


def test_what_does_not_fit_is_dropped_and_said(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(requests, "PIPE_BYTES", 4096)
    lab.serve(lab.group("blue"))
    client = lab.client()
    for _ in range(100):
        assert client.get("/", extensions={"sni_hostname": DNS_NAME}).status_code == 503
    with caplog.at_level(logging.WARNING):
        lab.balancer.apply([lab.spec])
        lab.balancer.apply([lab.spec])
    told = len(lab.balancer.answered())
    assert 0 < told < 100
    assert f"{100 - told} answered requests are missing" in caplog.text
    assert len(caplog.records) == 1, "said once"


def test_other_lines_are_passed_over() -> None:
    assert parsed("Proxy listener_443 stopped (cumulated conns: FE: 11, BE: 0).", LB_ARN, {}) is None


def test_a_line_that_is_not_complete_yet_waits_for_its_end() -> None:
    log = RequestLog(LB_ARN)
    try:
        os.write(log.write_end, b"request 1000 200 tg i-1 7 0 1\nrequest 1000 200 tg i-")
        assert [r.instance_id for r in log.read({"tg": "arn"})] == ["i-1"]
        os.write(log.write_end, b"2 7 0 1\n")
        assert [r.instance_id for r in log.read({"tg": "arn"})] == ["i-2"]
    finally:
        log.close()


def test_a_client_that_went_away_is_460() -> None:
    """ "HTTP 460": the client closed the connection before the load balancer could answer."""
    request = parsed("request 1000 -1 tg i-1 -1 0 -", LB_ARN, {"tg": "arn"})
    assert request is not None
    assert (request.status, request.target_answered) == (460, False)
