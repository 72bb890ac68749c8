"""The generator: what is sent depends on the plan alone, and a stalled server is charged for everything it delays."""

from __future__ import annotations

import itertools
import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.load.plan import MOST_RATE, Plan, PlanError, load
from rehearsal.load.process import LoadError, running
from rehearsal.load.requests import read
from tests.unit.rehearsal.tls_server import Server


def plan(server: Server, **settings: float) -> Plan:
    return replace(Plan(server.url, server.certificate, rate=100, seconds=60), **settings)  # type: ignore[arg-type]


def test_arrivals_are_poisson_and_the_same_for_the_same_seed(server: Server) -> None:
    one = list(plan(server, rate=200, seconds=100).arrivals())
    assert one == list(plan(server, rate=200, seconds=100).arrivals())
    assert one != list(plan(server, rate=200, seconds=100, seed=2).arrivals())
    # Mean 20 000, standard deviation 141.
    assert abs(len(one) - 20_000) < 5 * 141
    gaps = [later.offset - earlier.offset for earlier, later in itertools.pairwise(one)]
    # Of exponential gaps, a share of 1/e is longer than the mean; of even ones, none would be.
    assert abs(sum(gap > 1 / 200 for gap in gaps) / len(gaps) - 0.368) < 0.03
    assert abs(sum(arrival.new_connection for arrival in one) / len(one) - 0.1) < 0.02


def test_a_plan_survives_its_file(server: Server, tmp_path: Path) -> None:
    made = replace(plan(server), slow_paths=["/late/1"])
    made.save(tmp_path / "plan.json")
    assert load(tmp_path / "plan.json") == made
    assert any(arrival.slow for arrival in made.arrivals())


@pytest.mark.parametrize(
    ("setting", "value"),
    [("rate", 0), ("rate", MOST_RATE + 1), ("seconds", 0), ("seconds", 1e9), ("slow_share", 1.1)],
)
def test_a_load_without_bounds_is_refused_by_the_settings_name(server: Server, setting: str, value: float) -> None:
    with pytest.raises(PlanError, match=setting):
        plan(server, **{setting: value})


def test_a_plain_text_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="https://"):
        Plan("http://127.0.0.1", tmp_path / "x", 1, 1)


def test_a_stalled_server_is_charged_from_the_scheduled_moment(server: Server, tmp_path: Path) -> None:
    """Coordinated omission: a generator that waits for answers would send nothing in the stall, and see it once."""
    stall = 1.5
    with running(plan(server), tmp_path, os.environ) as load:
        time.sleep(1)
        stalled_at = time.time()
        server.stalled_until = time.monotonic() + stall
        time.sleep(stall + 1)
    requests = load.requests()
    assert not [request for request in requests if request.failed]
    hit = [request for request in requests if stalled_at < request.scheduled < stalled_at + stall - 0.2]
    assert len(hit) > 70, "The load goes on while nobody answers."
    for request in hit:
        # Whoever came later had less of the stall before them.
        assert request.latency >= stalled_at + stall - request.scheduled - 0.05, request
    slow = sorted(request.latency for request in hit)
    assert slow[len(slow) // 2] > stall / 4


def test_every_request_of_the_plan_is_written_down_once(server: Server, tmp_path: Path) -> None:
    with running(plan(server), tmp_path, os.environ) as load:
        time.sleep(2)
    requests = load.requests()
    assert [request.number for request in requests] == list(range(1, len(requests) + 1))
    assert sum(server.requests.values()) == len(requests)
    assert {request.instance for request in requests} == {"i-1"}
    assert all(request.scheduled <= request.sent <= request.done for request in requests)


def test_answers_that_are_due_are_awaited_at_the_end(server: Server, tmp_path: Path) -> None:
    slow = replace(plan(server, rate=20, slow_share=1.0), slow_paths=["/late/1"])
    with running(slow, tmp_path, os.environ) as load:
        time.sleep(1)
    assert load.requests()
    assert not [request for request in load.requests() if request.failed]


def test_it_keeps_up_with_200_requests_a_second(server: Server, tmp_path: Path) -> None:
    """Its own lateness is known: half of all requests are sent within 20 ms of their moment, on a shared machine."""
    with running(plan(server, rate=220), tmp_path, os.environ) as load:
        time.sleep(4)
    requests = load.requests()
    span = requests[-1].scheduled - requests[0].scheduled
    assert len(requests) / span > 200
    lateness = sorted(request.lateness for request in requests)
    assert lateness[len(lateness) // 2] < 0.02


def test_a_load_that_ends_too_early_is_an_error(server: Server, tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="was over after 1 s"), running(plan(server, seconds=1), tmp_path, os.environ):
        time.sleep(3)


def test_nobody_answering_is_written_down_and_ends(server: Server, tmp_path: Path) -> None:
    nobody = replace(plan(server), url="https://127.91.8.2:1")
    with running(nobody, tmp_path, os.environ) as load:
        time.sleep(0.5)
    assert {request.failure for request in load.requests()} == {"refused"}


def test_half_a_last_line_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "requests.jsonl"
    whole = {
        "number": 1, "scheduled": 1.0, "sent": 1.0, "done": 1.5, "path": "/", "new_connection": False,
        "status": 200, "size": 5, "failure": None,
    }  # fmt: skip
    file.write_text(json.dumps(whole) + "\n" + json.dumps(whole)[:20])
    (request,) = read(file)
    assert request.latency == 0.5
