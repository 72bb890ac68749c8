"""Targets come, fail, recover, drain and go, and nobody's connection notices."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from .conftest import Lab


def test_one_passed_check_makes_a_new_target_healthy(lab: Lab) -> None:
    """ "Health checks": "After your target is registered, it must pass one health check to be considered healthy",
    whatever the healthy threshold; only an unhealthy target needs that many."""
    app = lab.app("a")
    check = replace(lab.group("blue").health_check, interval=50, healthy_threshold=5)
    group = lab.group("blue", app.target(), health_check=check)
    lab.serve(group)
    assert lab.states(group) == {"i-a": "initial"}
    assert lab.balancer.health()[group.arn]["i-a"].reason.startswith("Elb.")
    lab.await_states(group, a="healthy", deadline=3)
    assert app.checks <= 2


def test_a_new_target_gets_nothing_before_its_first_check(lab: Lab) -> None:
    old, new = lab.app("old"), lab.app("new")
    group = lab.group("blue", old.target())
    lab.serve(group)
    lab.await_states(group, old="healthy")
    new.status = 500
    group = replace(group, targets=[old.target(), new.target()])
    for _ in range(10):
        lab.serve(group)
        assert lab.answered_by(3) == {"old"}
    lab.await_states(group, old="healthy", new="unhealthy")
    new.status = 200
    lab.await_states(group, old="healthy", new="healthy")
    assert lab.answered_by() == {"old", "new"}


def test_reason_codes(lab: Lab) -> None:
    """TargetHealth in the API reference."""
    wrong, gone, slow = lab.app("wrong"), lab.app("gone"), lab.app("slow")
    wrong.status = 503
    gone.stop()
    slow.stop()
    check = replace(lab.group("blue").health_check, timeout=5)
    group = lab.group("blue", wrong.target(), gone.target(), slow.target(), health_check=check)
    with _Silent(slow.address, slow.port):
        lab.serve(group)
        lab.await_states(group, wrong="unhealthy", gone="unhealthy", slow="unhealthy", deadline=15)
        found = lab.balancer.health()[group.arn]
    assert found["i-wrong"].reason == "Target.ResponseCodeMismatch"
    assert found["i-wrong"].description == "Health checks failed with these codes: [503]"
    assert found["i-gone"].reason == "Target.FailedHealthChecks"
    assert found["i-slow"].reason == "Target.Timeout"


class _Silent:
    """A server that accepts and never answers."""

    def __init__(self, address: str, port: int) -> None:
        self._server = socket.create_server((address, port), backlog=64)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._server.close()


def test_matcher_and_thresholds(lab: Lab) -> None:
    app = lab.app("a")
    app.status = 302
    check = replace(lab.group("blue").health_check, matcher="200,300-302", unhealthy_threshold=5)
    group = lab.group("blue", app.target(), health_check=check)
    lab.serve(group)
    lab.await_states(group, a="healthy")
    app.status = 404
    begin, before = time.monotonic(), app.checks
    lab.await_states(group, a="unhealthy")
    # Five failures at an interval of 10 s, played 50 times faster.
    assert time.monotonic() - begin > 4 * 10 / 50
    assert app.checks - before >= 5


def test_draining_finishes_what_is_under_way(lab: Lab) -> None:
    """DeregisterTargets: "The load balancer stops sending requests to targets that are deregistering, but uses
    connection draining to ensure that in-flight traffic completes on the existing connections."."""
    leaving, staying = lab.app("leaving"), lab.app("staying")
    group = lab.group("blue", leaving.target(), staying.target(), algorithm="round_robin")
    lab.serve(group)
    lab.await_states(group, leaving="healthy", staying="healthy")
    answers: list[httpx.Response] = []
    slow = [threading.Thread(target=lambda: answers.append(lab.get(**{"x-take": "1.5"}))) for _ in range(4)]
    for thread in slow:
        thread.start()
    time.sleep(0.4)
    lab.serve(replace(group, targets=[leaving.target(draining=True), staying.target()]))
    assert lab.states(group)["i-leaving"] == "draining"
    assert lab.answered_by() == {"staying"}
    for thread in slow:
        thread.join()
    assert sorted(answer.text for answer in answers) == ["leaving"] * 2 + ["staying"] * 2
    # Registered again before the delay is over.
    lab.serve(group)
    lab.await_states(group, leaving="healthy", staying="healthy")
    assert lab.answered_by() == {"leaving", "staying"}
    assert lab.reloads == 0


def test_connections_that_outlive_the_delay_are_closed(lab: Lab) -> None:
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="healthy")
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(lab.get(**{"x-take": "5"}).status_code))
    thread.start()
    time.sleep(0.3)
    begin = time.monotonic()
    lab.serve(replace(group, targets=[]))
    lab.until(lambda: not thread.is_alive(), "closed")
    thread.join()
    assert time.monotonic() - begin < 3
    assert answers == [502]
    assert lab.get().status_code == 503


def test_only_drained_targets_left_is_503(lab: Lab) -> None:
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="healthy")
    lab.serve(replace(group, targets=[app.target(draining=True)]))
    assert lab.get().status_code == 503


def test_a_group_that_no_rule_names_is_not_checked(lab: Lab) -> None:
    used, unused = lab.app("used"), lab.app("unused")
    groups = lab.group("blue", used.target()), lab.group("green", unused.target(), in_use=False)
    lab.serve(*groups)
    lab.await_states(groups[0], used="healthy")
    assert unused.checks == 0
    assert groups[1].arn not in lab.balancer.health()


class Load:
    """Requests on kept-alive connections of both protocols, each counted; what fails is kept."""

    def __init__(self, lab: Lab, clients: int = 4, http2: bool = True) -> None:
        self.failures: list[str] = []
        self.answered = 0
        self._end = threading.Event()
        self._sni = {"sni_hostname": lab.spec.dns_name}
        pool = [lab.client(http2=http2 and index % 2 == 1) for index in range(clients)]
        self._threads = [threading.Thread(target=self._ask, args=(client,)) for client in pool]

    def _ask(self, client: httpx.Client) -> None:
        while not self._end.is_set():
            try:
                answer = client.get("/", headers={"x-take": "0.01"}, extensions=self._sni)
                if answer.status_code != 200:
                    self.failures.append(f"{answer.status_code}")
                self.answered += 1
            except httpx.HTTPError as error:
                self.failures.append(repr(error))
            time.sleep(0.02)

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()


def test_replacing_every_target_under_load_loses_no_request(lab: Lab) -> None:
    apps = [lab.app(f"old{n}") for n in range(2)]
    group = lab.group("blue", *(app.target() for app in apps))
    lab.serve(group)
    lab.await_states(group, old0="healthy", old1="healthy")
    worker = lab.balancer.load_balancers[lab.spec.arn].process.runtime.process_id()
    with Load(lab) as load:
        for generation in range(3):
            for index in range(2):
                newcomer, leaver = lab.app(f"g{generation}n{index}"), apps.pop(0)
                apps.append(newcomer)
                lab.serve(replace(group, targets=[leaver.target(), *(app.target() for app in apps)]))
                lab.until(lambda name=newcomer.name: lab.states(group).get(f"i-{name}") == "healthy", newcomer.name)  # type: ignore[misc]
                lab.serve(replace(group, targets=[leaver.target(draining=True), *(app.target() for app in apps)]))
                end = time.monotonic() + 30 / 50
                while time.monotonic() < end:
                    lab.balancer.apply([lab.spec])
                    time.sleep(0.05)
                lab.serve(replace(group, targets=[app.target() for app in apps]))
                leaver.stop()
    assert load.failures == []
    assert load.answered > 100
    assert lab.reloads == 0
    assert lab.balancer.load_balancers[lab.spec.arn].process.runtime.process_id() == worker
    assert lab.answered_by() == {"g2n0", "g2n1"}


def test_a_changed_health_check_reloads_without_a_gap(lab: Lab) -> None:
    """ModifyTargetGroup takes effect in place; the new worker knows every target from its first moment."""
    apps = [lab.app("a"), lab.app("b")]
    group = lab.group("blue", *(app.target() for app in apps))
    lab.serve(group)
    lab.await_states(group, a="healthy", b="healthy")
    # A reload ends an HTTP/2 connection with GOAWAY, as it should; this client takes that for a failure.
    with Load(lab, http2=False) as load:
        for interval in (20, 30, 10):
            check = replace(group.health_check, interval=interval)
            lab.serve(replace(group, health_check=check))
            assert lab.states(group) == {"i-a": "healthy", "i-b": "healthy"}
            time.sleep(0.5)
    assert load.failures == []
    assert load.answered > 30
    assert lab.reloads == 3


def test_a_connection_that_slept_through_a_reload_meets_no_dead_target(lab: Lab) -> None:
    apps = [lab.app(name) for name in "abc"]
    group = lab.group("blue", *(app.target() for app in apps))
    lab.serve(group)
    lab.await_states(group, a="healthy", b="healthy", c="healthy")
    sni = {"sni_hostname": lab.spec.dns_name}
    sleepers = [lab.client() for _ in range(6)]
    for client in sleepers:
        assert client.get("/", extensions=sni).status_code == 200
    group = replace(group, health_check=replace(group.health_check, interval=20))
    lab.serve(group)
    lab.serve(replace(group, targets=[app.target() for app in apps[1:]]))
    apps[0].stop()
    apps[1].status = 500
    lab.await_states(group, b="unhealthy", c="healthy")
    lab.balancer.apply([lab.spec])
    assert {client.get("/", extensions=sni).text for client in sleepers} == {"c"}
